import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { renderNodePgMigrate } from '../../src/render/render-node-pg-migrate.ts'
import { SMALL_SCHEMA } from '../apply/support/hand-written-plan.ts'
import { openDatabase, type OpenDatabase } from '../support/open-database.ts'
import { expectApplied, FAILING, hostilePlan, hostileState, NOTHING } from './support/hostile-plan.ts'
import { runNodePgMigrate } from './support/tools.ts'
import { migrationsFolder, typeErrors } from './support/written-files.ts'

let database: OpenDatabase
let migrations: Awaited<ReturnType<typeof migrationsFolder>>

beforeEach(async () => {
  database = await openDatabase('node_pg_migrate', SMALL_SCHEMA)
  migrations = await migrationsFolder()
})
afterEach(async () => {
  await migrations.remove()
  await database.close()
})

function run(direction: 'up' | 'down', singleTransaction: boolean): Promise<void> {
  return runNodePgMigrate(database.database.urls.owner, migrations.folder, direction, singleTransaction)
}

const named = { name: 'add tenancy', timestamp: new Date(1_700_000_000_000) }

describe.each([
  ['offline', true],
  ['offline', false],
  ['online', true],
  ['online', false],
] as const)('an %s plan, run with singleTransaction: %s', (shape, singleTransaction) => {
  test('is what node-pg-migrate’s own runner applies and takes back', async () => {
    await database.owner('DELETE FROM notes WHERE tenant_id IS NULL')
    const files = renderNodePgMigrate(await hostilePlan(database.owner, shape), named)
    expect(files.map((file) => file.path)).toEqual(['1700000000000_add_tenancy.ts'])
    expect(typeErrors(await migrations.write(files))).toEqual([])

    await run('up', singleTransaction)
    await expectApplied(database.superuser, shape)
    await run('down', singleTransaction)
    expect(await hostileState(database.superuser)).toEqual(NOTHING)
  })

  test('changes nothing while rows are in the way, and says which', async () => {
    await migrations.write(renderNodePgMigrate(await hostilePlan(database.owner, shape)))
    await expect(run('up', singleTransaction)).rejects.toThrow(
      '- public.notes (TENANT_MISSING): Its rows say no tenant. Rows: 2, such as 3, 4.',
    )
    expect(await hostileState(database.superuser)).toEqual(NOTHING)
  })

  test('leaves no half of a step that fails', async () => {
    await database.owner('DELETE FROM notes WHERE tenant_id IS NULL')
    await migrations.write(renderNodePgMigrate(await hostilePlan(database.owner, shape, [FAILING])))
    await expect(run('up', singleTransaction)).rejects.toThrow(
      'column "nothing" of relation "notes" does not exist',
    )
    expect(await hostileState(database.superuser)).toMatchObject({ half: false, table: shape === 'online' })
  })
})
