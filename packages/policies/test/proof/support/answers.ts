import type { Query } from '../../../src/query.ts'

/** How a statement ended: `'done'`, or the SQLSTATE of its error. */
export async function answerTo(query: Query, text: string, values?: readonly unknown[]): Promise<string> {
  try {
    await query(text, values)
    return 'done'
  } catch (error) {
    return stateOf(error)
  }
}

/** The single value of a statement's single row, or the SQLSTATE of its error. */
export async function valueOf(query: Query, text: string, values?: readonly unknown[]): Promise<unknown> {
  try {
    const { rows } = await query(text, values)
    return Object.values(rows[0] ?? {})[0]
  } catch (error) {
    return stateOf(error)
  }
}

/** How many rows a statement returns, or the SQLSTATE of its error. */
export async function countOf(
  query: Query,
  text: string,
  values?: readonly unknown[],
): Promise<number | string> {
  try {
    return (await query(text, values)).rows.length
  } catch (error) {
    return stateOf(error)
  }
}

/** The SQLSTATE of an error of PostgreSQL; whatever else it is, is thrown on. */
function stateOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && /^[0-9A-Z]{5}$/.test(String(error.code))) {
    return String(error.code)
  }
  throw error
}

/** SQLSTATEs. https://www.postgresql.org/docs/current/errcodes-appendix.html */
export const STATE = {
  foreignKey: '23503',
  unique: '23505',
  /** No right on the object, or a row that a policy refuses. */
  privilege: '42501',
  /** ON CONFLICT names columns on which there is no unique key. */
  noSuchKey: '42P10',
} as const
