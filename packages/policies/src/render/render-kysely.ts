import type { Plan } from '../plan/plan.ts'
import { sessionSettings } from './pieces.ts'
import { digitsOf, fileName, type MigrationOptions, type RenderedFile } from './rendered-file.ts'
import { migrationBody, templateLiteral, usedHelpers, type Dialect } from './typescript-text.ts'

/**
 * A plan as a migration for Kysely's Migrator: one TypeScript file with `up` and `down`.
 *
 * The Migrator runs all migrations in one transaction unless it has `disableTransactions: true`. An online plan needs that,
 * and its file refuses to run without.
 *
 * @param plan Made by `planTenancy()`.
 * @returns `<timestamp>_<name>.ts`, for the folder with the migrations.
 *
 * @example
 * ```ts no-run
 * for (const { path, content } of renderKysely(plan)) await writeFile(`migrations/${path}`, content)
 * ```
 */
export function renderKysely(plan: Plan, options: MigrationOptions = {}): readonly RenderedFile[] {
  const { timestamp = new Date() } = options
  const up = migrationBody(plan, 'up', options, dialect)
  const down = migrationBody(plan, 'down', options, dialect)
  const used = usedHelpers([up, down], helpers)
  const content = [
    `import { ${used.length > 0 ? 'type Kysely, type RawBuilder, sql' : 'type Kysely'} } from 'kysely'\n`,
    `export async function up(${up === '' ? '_db' : 'db'}: Kysely<unknown>): Promise<void> {\n${up}}\n`,
    `export async function down(${down === '' ? '_db' : 'db'}: Kysely<unknown>): Promise<void> {\n${down}}\n`,
    ...used,
  ].join('\n')
  return [{ path: `${digitsOf(timestamp)}_${fileName(options)}.ts`, content }]
}

const dialect: Dialect = { handle: 'db', indentation: '  ', statement: (sql) => `sql${templateLiteral(sql)}` }

const helpers = {
  refuseTransaction: `function refuseTransaction(db: Kysely<unknown>): void {
  if (!db.isTransaction) return
  throw new Error(
    'This migration consists of many transactions and of statements that cannot be in any. ' +
      'Run it with disableTransactions: true, an option of the Migrator.',
  )
}
`,
  inTransaction: `/** In the Migrator's transaction or, if it has none, in one of their own. */
async function inTransaction(db: Kysely<unknown>, statements: readonly RawBuilder<unknown>[]): Promise<void> {
  if (!db.isTransaction) {
    await db.transaction().execute((transaction) => inTransaction(transaction, statements))
    return
  }
  for (const statement of statements) await statement.execute(db)
}
`,
  outsideTransactions: `/** With all the time that they need: cut short, an index would stay behind invalid. */
async function outsideTransactions(db: Kysely<unknown>, statements: readonly RawBuilder<unknown>[]): Promise<void> {
  const set = async (settings: readonly RawBuilder<unknown>[]): Promise<void> => {
    for (const setting of settings) await setting.execute(db)
  }
  await set([${sessionSettings.before.map(dialect.statement).join(', ')}])
  try {
    for (const statement of statements) await statement.execute(db)
  } catch (error) {
    await set([${sessionSettings.after.map(dialect.statement).join(', ')}]).catch(() => undefined)
    throw error
  }
  await set([${sessionSettings.after.map(dialect.statement).join(', ')}])
}
`,
}
