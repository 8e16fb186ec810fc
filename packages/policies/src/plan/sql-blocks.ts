import { dollarQuoted } from '../dollar-quoted.ts'
import { literal, qualified, type QualifiedName } from '../identifiers.ts'

/** A `DO` block of PL/pgSQL statements, each without its semicolon. Their text stays as it is: names may contain anything. */
export function doBlock(statements: readonly string[], declarations: readonly string[] = []): string {
  const declared = declarations.length > 0 ? ['DECLARE', ...declarations.map((line) => `  ${line};`)] : []
  const body = statements.map((statement) => `  ${statement};`)
  return `DO ${dollarQuoted(['', ...declared, 'BEGIN', ...body, 'END', ''].join('\n'))}`
}

/** Runs the statements only if the condition holds when they are run, not when the plan was made. */
export function doIf(condition: string, statements: readonly string[]): string {
  const body = statements.map((statement) => `    ${statement};\n`).join('')
  return doBlock([`IF ${condition} THEN\n${body}  END IF`])
}

/** Whether the table has a constraint of that name, as a condition. */
export function constraintExists(table: QualifiedName, name: string): string {
  return `EXISTS (SELECT FROM pg_constraint WHERE conrelid = to_regclass(${literal(qualified(table))}) AND conname = ${literal(name)})`
}

/** Whether the table has a column of that name, as a condition. */
export function columnExists(table: QualifiedName, name: string): string {
  return (
    `EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass(${literal(qualified(table))}) ` +
    `AND attname = ${literal(name)} AND NOT attisdropped)`
  )
}

/**
 * `ALTER TABLE … ADD CONSTRAINT`, unless it is there. Rather than dropping it first, which would lock the table against
 * reading too, fail where something depends on it, and check all rows once more.
 */
export function addConstraintOnce(table: QualifiedName, name: string, action: string): string {
  return doIf(`NOT ${constraintExists(table, name)}`, [`ALTER TABLE ${qualified(table)} ${action}`])
}
