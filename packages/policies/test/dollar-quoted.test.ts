import { afterAll, beforeAll, expect, test } from 'vitest'
import { dollarQuoted } from '../src/dollar-quoted.ts'
import { openDatabase, type OpenDatabase } from './support/open-database.ts'

let database: OpenDatabase

beforeAll(async () => {
  database = await openDatabase('dollar-quoted')
})
afterAll(() => database.close())

test.each([
  '',
  'plain',
  '$',
  'costs 5 $',
  '$1',
  'a $$ in it',
  'ends in $$',
  'a $$ in it, and ends in $',
  '$$ $tenantry1$',
  '$$ ends in $tenantry1',
  '$$ $tenantry1$ ends in $tenantry2',
])('PostgreSQL reads %j as it was written', async (text) => {
  const { rows } = await database.app(`SELECT ${dollarQuoted(text)} AS text, 'after' AS after`)
  expect(rows).toEqual([{ text, after: 'after' }])
})

test('a quoted text can be quoted again', async () => {
  let quoted = 'costs 5 $'
  for (let depth = 0; depth < 4; depth += 1) {
    const inner = quoted
    quoted = dollarQuoted(`SELECT ${inner}`)
    const { rows } = await database.app(`SELECT ${quoted} AS text`)
    expect(rows).toEqual([{ text: `SELECT ${inner}` }])
  }
})
