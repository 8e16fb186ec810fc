import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { renderTypeorm } from '../../src/render/render-typeorm.ts'
import { SMALL_SCHEMA } from '../apply/support/hand-written-plan.ts'
import { openDatabase, type OpenDatabase } from '../support/open-database.ts'
import { expectApplied, FAILING, hostilePlan, hostileState, NOTHING } from './support/hostile-plan.ts'
import { runTypeorm } from './support/tools.ts'
import { migrationsFolder, typeErrors } from './support/written-files.ts'

let database: OpenDatabase
let migrations: Awaited<ReturnType<typeof migrationsFolder>>

beforeEach(async () => {
  database = await openDatabase('typeorm', SMALL_SCHEMA)
  migrations = await migrationsFolder()
})
afterEach(async () => {
  await migrations.remove()
  await database.close()
})

type Mode = 'all' | 'each' | 'none'

function run(files: readonly string[], direction: 'up' | 'down', transaction: Mode): Promise<void> {
  return runTypeorm(database.database.urls.owner, files, direction, transaction)
}

const named = { name: 'add tenancy', timestamp: new Date(1_700_000_000_000) }

describe.each([
  ['offline', 'all', 'all'],
  ['offline', 'each', 'each'],
  ['offline', 'none', 'none'],
  ['online', 'each', 'none'],
  ['online', 'none', 'none'],
] as const)('an %s plan, run with the transaction mode %s', (shape, transaction, revert) => {
  test('is what TypeORM’s own runner applies and reverts', async () => {
    await database.owner('DELETE FROM notes WHERE tenant_id IS NULL')
    const files = renderTypeorm(await hostilePlan(database.owner, shape), named)
    expect(files.map((file) => file.path)).toEqual(['1700000000000-add_tenancy.ts'])
    const paths = await migrations.write(files)
    expect(typeErrors(paths)).toEqual([])

    await run(paths, 'up', transaction)
    await expectApplied(database.superuser, shape)
    await run(paths, 'down', revert)
    expect(await hostileState(database.superuser)).toEqual(NOTHING)
  })

  test('changes nothing while rows are in the way, and says which', async () => {
    const paths = await migrations.write(renderTypeorm(await hostilePlan(database.owner, shape)))
    await expect(run(paths, 'up', transaction)).rejects.toThrow(
      '- public.notes (TENANT_MISSING): Its rows say no tenant. Rows: 2, such as 3, 4.',
    )
    expect(await hostileState(database.superuser)).toEqual(NOTHING)
  })

  test('leaves no half of a step that fails', async () => {
    await database.owner('DELETE FROM notes WHERE tenant_id IS NULL')
    const paths = await migrations.write(renderTypeorm(await hostilePlan(database.owner, shape, [FAILING])))
    await expect(run(paths, 'up', transaction)).rejects.toThrow(
      'column "nothing" of relation "notes" does not exist',
    )
    expect(await hostileState(database.superuser)).toMatchObject({ half: false, table: shape === 'online' })
  })
})

test('an online plan is refused in a transaction: by TypeORM on the way up, by the file on the way down', async () => {
  await database.owner('DELETE FROM notes WHERE tenant_id IS NULL')
  const paths = await migrations.write(renderTypeorm(await hostilePlan(database.owner, 'online')))
  await expect(run(paths, 'up', 'all')).rejects.toThrow(/transaction mode/i)
  await run(paths, 'up', 'each')
  await expect(run(paths, 'down', 'each')).rejects.toThrow('--transaction none')
  await expectApplied(database.superuser, 'online')
})
