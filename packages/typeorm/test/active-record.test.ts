import { DataSource } from 'typeorm'
import { afterEach, describe, expect, test } from 'vitest'
import { MigrationDataSource } from '../src/index.ts'
import { ActiveDocument } from './documents.ts'
import { tenancy, useDocuments } from './documents-database.ts'

const fixture = useDocuments()
const entities = [ActiveDocument]
const opened: DataSource[] = []

/** A data source of the system role, on a pool that knows no tenants. */
function foreign(): DataSource {
  const { system: url } = fixture.database.urls
  const dataSource = new DataSource({ type: 'postgres', url, installExtensions: false, entities })
  opened.push(dataSource)
  return dataSource
}

afterEach(async () => {
  for (const dataSource of opened) if (dataSource.isInitialized) await dataSource.destroy()
  opened.length = 0
})

const titlesOf = (tenantId: string): Promise<string[]> =>
  tenancy.run(tenantId, async () => (await ActiveDocument.find()).map(({ title }) => title).sort())

describe('entities that extend BaseEntity', () => {
  test('attack: the data source initialised last is theirs, in every tenant', async () => {
    await fixture.openPlain({ entities })
    await foreign().initialize()
    expect(await titlesOf(fixture.acme.id)).toEqual(['acme document', 'globex document'])
    expect(await ActiveDocument.count()).toBe(2)
  })

  test('a foreign data source with them is refused, and they stay where they were', async () => {
    const { acme, openGuarded } = fixture
    opened.push(await openGuarded({ entities }))
    const other = foreign()
    await expect(other.initialize()).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
    expect(other.isInitialized).toBe(false)
    expect(() => ActiveDocument.useDataSource(other)).toThrow('ActiveDocument')
    expect(await titlesOf(acme.id)).toEqual(['acme document'])
    await expect(ActiveDocument.find()).rejects.toMatchObject({ code: 'TENANT_REQUIRED' })
  })

  test('one that was there before loses them', async () => {
    const { acme, openGuarded } = fixture
    await foreign().initialize()
    opened.push(await openGuarded({ entities }))
    expect(await titlesOf(acme.id)).toEqual(['acme document'])
  })

  test('they write for the tenant, and the guard holds for them', async () => {
    const { acme, globex, openGuarded } = fixture
    opened.push(await openGuarded({ entities }))
    const document = await tenancy.run(acme.id, () => ActiveDocument.create({ title: 'written' }).save())
    expect(document.tenantId).toBe(acme.id)
    await expect(tenancy.run(globex.id, () => document.remove())).rejects.toMatchObject({
      code: 'TENANT_MISMATCH',
    })
    await tenancy.run(acme.id, () => document.remove())
  })

  test('they go along to another scoped data source, and to any once the scoped one is destroyed', async () => {
    const { globex, openGuarded } = fixture
    const first = await openGuarded({ entities })
    const second = await openGuarded({ entities })
    await first.destroy()
    expect(await titlesOf(globex.id)).toEqual(['globex document'])
    await second.destroy()
    await foreign().initialize()
    expect(await ActiveDocument.count()).toBe(2)
  })

  test('a MigrationDataSource leaves them alone', async () => {
    const { acme, openGuarded, database } = fixture
    opened.push(await openGuarded({ entities }))
    const migrations = new MigrationDataSource({ type: 'postgres', url: database.urls.owner, entities })
    await migrations.initialize()
    expect(await titlesOf(acme.id)).toEqual(['acme document'])
    await migrations.destroy()
    expect(await titlesOf(acme.id)).toEqual(['acme document'])
  })
})
