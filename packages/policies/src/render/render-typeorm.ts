import type { Plan } from '../plan/plan.ts'
import { sessionSettings } from './pieces.ts'
import { fileName, type MigrationOptions, type RenderedFile } from './rendered-file.ts'
import { migrationBody, templateLiteral, usedHelpers, type Dialect } from './typescript-text.ts'

/**
 * A plan as a migration for TypeORM: a class with `up` and `down`.
 *
 * That of an online plan has `transaction = false`, which TypeORM accepts if `migrationsTransactionMode` is `each` or `none`;
 * reverting it takes `none`, because TypeORM does not look at `transaction` then.
 *
 * @param plan Made by `planTenancy()`.
 * @returns `<timestamp>-<name>.ts`, for the folder with the migrations.
 *
 * @example
 * ```ts no-run
 * for (const { path, content } of renderTypeorm(plan)) await writeFile(`src/migrations/${path}`, content)
 * ```
 */
export function renderTypeorm(plan: Plan, options: MigrationOptions = {}): readonly RenderedFile[] {
  const { timestamp = new Date() } = options
  const name = fileName(options)
  const className = `${classNameOf(name)}${timestamp.getTime()}`
  const up = migrationBody(plan, 'up', options, dialect)
  const down = migrationBody(plan, 'down', options, dialect)
  const content = [
    `import type { MigrationInterface, QueryRunner } from 'typeorm'\n`,
    `export class ${className} implements MigrationInterface {
  name = '${className}'
${plan.shape === 'online' ? '  transaction = false\n' : ''}
${method('up', up)}
${method('down', down)}}
`,
    ...usedHelpers([up, down], helpers),
  ].join('\n')
  return [{ path: `${timestamp.getTime()}-${name}.ts`, content }]
}

const dialect: Dialect = { handle: 'queryRunner', indentation: '    ', statement: templateLiteral }

function method(name: string, body: string): string {
  const parameter = body === '' ? '_queryRunner' : 'queryRunner'
  return `  async ${name}(${parameter}: QueryRunner): Promise<void> {\n${body}  }\n`
}

function classNameOf(name: string): string {
  const words = name.split('_').map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
  return words.join('').replace(/^(?=\d)/, 'Migration')
}

const helpers = {
  refuseTransaction: `function refuseTransaction(queryRunner: QueryRunner): void {
  if (!queryRunner.isTransactionActive) return
  throw new Error(
    'This migration consists of many transactions and of statements that cannot be in any. ' +
      'Run or revert it with the transaction mode "none": --transaction none, or { transaction: "none" }.',
  )
}
`,
  inTransaction: `/** In TypeORM's transaction or, if it has none, in one of their own. */
async function inTransaction(queryRunner: QueryRunner, statements: readonly string[]): Promise<void> {
  const joins = queryRunner.isTransactionActive
  if (!joins) await queryRunner.startTransaction()
  try {
    for (const statement of statements) await queryRunner.query(statement)
    if (!joins) await queryRunner.commitTransaction()
  } catch (error) {
    if (!joins) await queryRunner.rollbackTransaction().catch(() => undefined)
    throw error
  }
}
`,
  outsideTransactions: `/** With all the time that they need: cut short, an index would stay behind invalid. */
async function outsideTransactions(queryRunner: QueryRunner, statements: readonly string[]): Promise<void> {
  const set = async (settings: readonly string[]): Promise<void> => {
    for (const setting of settings) await queryRunner.query(setting)
  }
  await set([${sessionSettings.before.map(templateLiteral).join(', ')}])
  try {
    for (const statement of statements) await queryRunner.query(statement)
  } catch (error) {
    await set([${sessionSettings.after.map(templateLiteral).join(', ')}]).catch(() => undefined)
    throw error
  }
  await set([${sessionSettings.after.map(templateLiteral).join(', ')}])
}
`,
}
