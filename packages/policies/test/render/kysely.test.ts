import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { renderKysely } from '../../src/render/render-kysely.ts'
import { SMALL_SCHEMA } from '../apply/support/hand-written-plan.ts'
import { openDatabase, type OpenDatabase } from '../support/open-database.ts'
import { expectApplied, FAILING, hostilePlan, hostileState, NOTHING } from './support/hostile-plan.ts'
import { runKysely } from './support/tools.ts'
import { migrationsFolder, typeErrors } from './support/written-files.ts'

let database: OpenDatabase
let migrations: Awaited<ReturnType<typeof migrationsFolder>>

beforeEach(async () => {
  database = await openDatabase('kysely', SMALL_SCHEMA)
  migrations = await migrationsFolder()
})
afterEach(async () => {
  await migrations.remove()
  await database.close()
})

function run(direction: 'up' | 'down', disableTransactions: boolean): Promise<void> {
  return runKysely(database.database.urls.owner, migrations.folder, direction, disableTransactions)
}

const named = { name: 'add tenancy', timestamp: new Date('2026-01-31T23:59:59Z') }

describe.each([
  ['offline', false],
  ['offline', true],
  ['online', true],
] as const)('an %s plan, run with disableTransactions: %s', (shape, disableTransactions) => {
  test('is what Kysely’s own Migrator applies and takes back', async () => {
    await database.owner('DELETE FROM notes WHERE tenant_id IS NULL')
    const plan = await hostilePlan(database.owner, shape)
    const files = renderKysely(plan, named)
    expect(files.map((file) => file.path)).toEqual(['20260131235959_add_tenancy.ts'])
    expect(typeErrors(await migrations.write(files))).toEqual([])

    await run('up', disableTransactions)
    await expectApplied(database.superuser, shape)
    await run('down', disableTransactions)
    expect(await hostileState(database.superuser)).toEqual(NOTHING)
  })

  test('changes nothing while rows are in the way, and says which', async () => {
    await migrations.write(renderKysely(await hostilePlan(database.owner, shape)))
    await expect(run('up', disableTransactions)).rejects.toThrow(
      '- public.notes (TENANT_MISSING): Its rows say no tenant. Rows: 2, such as 3, 4. Fill tenant_id.',
    )
    expect(await hostileState(database.superuser)).toEqual(NOTHING)
  })

  test('leaves no half of a step that fails', async () => {
    await database.owner('DELETE FROM notes WHERE tenant_id IS NULL')
    await migrations.write(renderKysely(await hostilePlan(database.owner, shape, [FAILING])))
    await expect(run('up', disableTransactions)).rejects.toThrow(
      'column "nothing" of relation "notes" does not exist',
    )
    const state = await hostileState(database.superuser)
    expect(state).toMatchObject({ half: false, table: shape === 'online' })
  })
})

test('an online plan in the Migrator’s transaction is refused before anything is changed', async () => {
  await database.owner('DELETE FROM notes WHERE tenant_id IS NULL')
  await migrations.write(renderKysely(await hostilePlan(database.owner, 'online')))
  await expect(run('up', false)).rejects.toThrow('Run it with disableTransactions: true')
  expect(await hostileState(database.superuser)).toEqual(NOTHING)
})

test('an empty plan gives a migration that does nothing, and compiles', async () => {
  const plan = await hostilePlan(database.owner, 'online')
  const files = renderKysely({ ...plan, steps: [] }, named)
  expect(typeErrors(await migrations.write(files))).toEqual([])
  await run('up', false)
})

test('settings of the connection are what they were after a plan with statements outside of transactions', async () => {
  await database.owner('DELETE FROM notes WHERE tenant_id IS NULL')
  await migrations.write(renderKysely(await hostilePlan(database.owner, 'online')))
  const look = "sql`CREATE TABLE seen AS SELECT current_setting('lock_timeout') AS lock`.execute(db)"
  const content = `import { sql } from 'kysely'\nexport const up = (db) => ${look}\n`
  await migrations.write([{ path: '9999_later.ts', content }])
  const connection = { connectionString: database.database.urls.owner, max: 1, options: '-c lock_timeout=7s' }
  await runKysely(connection, migrations.folder, 'up', true)
  expect((await database.owner('SELECT lock FROM seen')).rows).toEqual([{ lock: '7s' }])
})
