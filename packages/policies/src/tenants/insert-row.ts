import type { Column, Table } from '../catalogue/catalogue.ts'
import { displayName, identifier, identifiers, qualified } from '../identifiers.ts'
import { didYouMean } from '../model/nearest-names.ts'
import type { Problem } from '../problem.ts'
import type { Query, Row } from '../query.ts'

/** A row to insert: column name to value. A column whose value is undefined gets its default. */
export type NewRow = Readonly<Record<string, unknown>>

/** What is wrong with the columns that a row names. */
export function problemsOfRow(table: Table, row: NewRow): Problem[] {
  return namesOf(row).flatMap((name) => {
    const column = table.columns.find((each) => each.name === name)
    if (column === undefined) return [unknownColumn(table, name)]
    return column.generated === null ? [] : [generatedColumn(table, column)]
  })
}

/**
 * Inserts one row and gives back what is in the table then; undefined if `conflict` says to skip a row with that key and
 * there is one.
 */
export async function insertRow(
  query: Query,
  table: Table,
  row: NewRow,
  conflict?: { readonly skipIfKeyExists: string },
): Promise<Row | undefined> {
  const names = namesOf(row)
  const always = names.some((name) =>
    table.columns.some((column) => column.name === name && column.identity === 'always'),
  )
  const { rows } = await query(
    [
      `INSERT INTO ${qualified(table)} (${identifiers(names)})`,
      ...(always ? ['OVERRIDING SYSTEM VALUE'] : []),
      `VALUES (${names.map((_, at) => `$${at + 1}`).join(', ')})`,
      ...(conflict ? [`ON CONFLICT (${identifier(conflict.skipIfKeyExists)}) DO NOTHING`] : []),
      'RETURNING *',
    ].join(' '),
    names.map((name) => row[name]),
  )
  return rows[0]
}

function namesOf(row: NewRow): string[] {
  return Object.keys(row).filter((name) => row[name] !== undefined)
}

function unknownColumn(table: Table, name: string): Problem {
  const known = table.columns.map((column) => column.name)
  return {
    code: 'UNKNOWN_COLUMN',
    object: `${displayName(table)}.${name}`,
    message: `${displayName(table)} has no column "${name}".${didYouMean(name, known)}`,
    fix: `Give values for its columns only: ${known.join(', ')}.`,
  }
}

function generatedColumn(table: Table, { name }: Column): Problem {
  return {
    code: 'UNKNOWN_COLUMN',
    object: `${displayName(table)}.${name}`,
    message: `PostgreSQL works out ${displayName(table)}.${name} itself: it is a generated column.`,
    fix: 'Leave it out.',
  }
}
