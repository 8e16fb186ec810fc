import { expect } from 'vitest'
import type { Query } from '../../../src/query.ts'
import { sqlParts } from '../../../src/render/sql-parts.ts'

/** Sends a script as psql does: statement by statement, those that begin with a backslash to itself, variables put in. */
export async function runAsPsql(query: Query, script: string): Promise<void> {
  let statement = ''
  for (const { kind, text } of sqlParts(script.replaceAll(/^\\.*$/gm, ''))) {
    const [first = '', ...rest] = kind === 'code' ? withVariables(text).split(';') : [text]
    statement += first
    for (const next of rest) {
      await query(statement)
      statement = next
    }
  }
  const left = sqlParts(statement).filter(({ kind, text }) => kind !== 'comment' && text.trim() !== '')
  expect(left).toEqual([])
}

/** All that could be the name of a variable is one. */
function withVariables(code: string): string {
  return code.replaceAll(/(?<!:):\w+/g, 'variable')
}
