import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { renderDrizzle } from '../../src/render/render-drizzle.ts'
import { handWrittenPlan, SMALL_SCHEMA, step } from '../apply/support/hand-written-plan.ts'
import { openDatabase, type OpenDatabase } from '../support/open-database.ts'
import { expectApplied, FAILING, hostilePlan, hostileState, NOTHING } from './support/hostile-plan.ts'
import { runDrizzle } from './support/tools.ts'
import { migrationsFolder } from './support/written-files.ts'

let database: OpenDatabase
let migrations: Awaited<ReturnType<typeof migrationsFolder>>

beforeEach(async () => {
  database = await openDatabase('drizzle', SMALL_SCHEMA)
  // Drizzle keeps its own table in a schema that it makes.
  await database.superuser('CREATE SCHEMA drizzle AUTHORIZATION tenantry_owner')
  const { rows } = await database.superuser('SELECT current_database()::text AS name')
  await database.superuser(`GRANT CREATE ON DATABASE "${String(rows[0]?.['name'])}" TO tenantry_owner`)
  migrations = await migrationsFolder()
})
afterEach(async () => {
  await migrations.remove()
  await database.close()
})

function runMigrations(): Promise<void> {
  return runDrizzle(database.database.urls.owner, migrations.folder)
}

/** The message of an error and of what caused it: Drizzle's own says only which statement failed. */
async function failure(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => expect.fail('it did not fail'),
    (reason: unknown) => reason,
  )
  const { message, cause } = error as Error
  return `${message}\n${cause instanceof Error ? cause.message : ''}`
}

const named = { name: 'add tenancy', timestamp: new Date(1_700_000_000_000) }

test('an offline plan is what Drizzle’s own migrator applies', async () => {
  await database.owner('DELETE FROM notes WHERE tenant_id IS NULL')
  const files = renderDrizzle(await hostilePlan(database.owner, 'offline'), named)
  expect(files.map(({ path }) => path)).toEqual(['0000_add_tenancy.sql', 'meta/_journal.json'])
  await migrations.write(files)
  await runMigrations()
  await expectApplied(database.superuser, 'offline')
  // Known as done.
  await runMigrations()
})

test('rows in the way are named, and nothing is changed', async () => {
  await migrations.write(renderDrizzle(await hostilePlan(database.owner, 'offline')))
  expect(await failure(runMigrations())).toContain(
    '- public.notes (TENANT_MISSING): Its rows say no tenant. Rows: 2, such as 3, 4.',
  )
  expect(await hostileState(database.superuser)).toEqual(NOTHING)
})

test('a step that fails takes everything back', async () => {
  await database.owner('DELETE FROM notes WHERE tenant_id IS NULL')
  await migrations.write(renderDrizzle(await hostilePlan(database.owner, 'offline', [FAILING])))
  expect(await failure(runMigrations())).toContain('column "nothing" of relation "notes" does not exist')
  expect(await hostileState(database.superuser)).toEqual(NOTHING)
})

test('an online plan with statements outside of transactions is refused, and its other phases are not', async () => {
  await database.owner('DELETE FROM notes WHERE tenant_id IS NULL')
  const plan = await hostilePlan(database.owner, 'online')
  expect(() => renderDrizzle(plan)).toThrow(
    expect.objectContaining({
      code: 'RENDERING_UNSUPPORTED',
      message: expect.stringContaining('applyPlan()'),
    }),
  )
  await migrations.write(renderDrizzle(plan, { phase: ['expand'] }))
  await runMigrations()
  expect(await hostileState(database.superuser)).toMatchObject({ table: true })
})

test('is added to what drizzle-kit made, and drizzle-kit goes on after it', async () => {
  await database.owner('DELETE FROM notes WHERE tenant_id IS NULL')
  const plan = await hostilePlan(database.owner, 'offline')
  const schema = join(dirname(migrations.folder), 'schema.ts')
  const table = (name: string): string =>
    `export const ${name} = pgTable('${name}', { id: integer().primaryKey() })\n`
  await writeFile(schema, `import { integer, pgTable } from 'drizzle-orm/pg-core'\n${table('first')}`)
  await generate(schema, 'first')
  await generate(schema, 'custom', '--custom')
  const custom = await readJournal()
  // What was applied last is later than our timestamp.
  await runMigrations()

  const files = renderDrizzle(plan, { ...named, journal: custom })
  expect(files[0]?.path).toBe('0002_add_tenancy.sql')
  await migrations.write(files)
  const entries = (JSON.parse(await readJournal()) as { entries: Record<string, unknown>[] }).entries
  // The same shape as that of its own custom migration.
  expect(Object.keys(entries[2] ?? {})).toEqual(Object.keys(entries[1] ?? {}))

  await writeFile(
    schema,
    `import { integer, pgTable } from 'drizzle-orm/pg-core'\n${table('first')}${table('second')}`,
  )
  await generate(schema, 'second')
  expect(await readdir(migrations.folder)).toContain('0003_second.sql')
  expect(await readFile(join(migrations.folder, '0003_second.sql'), 'utf8')).not.toContain('"first"')

  await runMigrations()
  await expectApplied(database.superuser, 'offline')
  const { rows } = await database.owner(
    `SELECT to_regclass('first') IS NOT NULL AND to_regclass('second') IS NOT NULL AS both`,
  )
  expect(rows).toEqual([{ both: true }])
})

test('what is no journal is refused', async () => {
  const plan = await handWrittenPlan(database.owner, [step('nothing', ['SELECT 1'])])
  expect(() => renderDrizzle(plan, { journal: '{}' })).toThrow(
    expect.objectContaining({ code: 'RENDERING_UNSUPPORTED' }),
  )
})

async function readJournal(): Promise<string> {
  return readFile(join(migrations.folder, 'meta/_journal.json'), 'utf8')
}

async function generate(schema: string, name: string, ...more: readonly string[]): Promise<void> {
  const kit = fileURLToPath(new URL('../../node_modules/drizzle-kit/bin.cjs', import.meta.url))
  await mkdir(migrations.folder, { recursive: true })
  await promisify(execFile)(
    process.execPath,
    [
      kit,
      'generate',
      '--dialect',
      'postgresql',
      '--schema',
      schema,
      '--out',
      './migrations',
      '--name',
      name,
      ...more,
    ],
    { cwd: dirname(migrations.folder) },
  )
}
