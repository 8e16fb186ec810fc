import { afterAll, beforeAll, expect, test } from 'vitest'
import { identifier, literal, LONGEST_NAME, ownName, qualified } from '../src/identifiers.ts'
import { openDatabase, type OpenDatabase } from './support/open-database.ts'

let database: OpenDatabase
beforeAll(async () => {
  database = await openDatabase('identifiers')
})
afterAll(() => database.close())

const odd = [
  'a"b',
  'A',
  'ä',
  'with space',
  'semi;colon',
  "it's",
  '1st',
  '',
  '.',
  'a.b',
  '$1',
  '--',
  '日本語',
  'a\nb',
]

test('names are quoted where PostgreSQL would quote them', async () => {
  const { rows } = await database.superuser(
    `select name, quote_ident(name) as quoted from (
       select word from pg_get_keywords() union all select unnest($1::text[])
     ) as names (name)`,
    [odd],
  )
  expect(rows.length).toBeGreaterThan(400)
  const different = rows.filter(({ name, quoted }) => {
    const ours = identifier(String(name))
    // To quote a word that a release does not reserve does no harm; not to quote one does.
    return ours !== quoted && ours !== `"${String(name)}"`
  })
  expect(different).toEqual([])
})

test('strings arrive as they are, whatever standard_conforming_strings says', async () => {
  const texts = [...odd, "\\' ; drop", '\\', "E'", '\u2028']
  for (const conforming of ['on', 'off']) {
    const list = texts.map((text) => literal(text)).join(',')
    const { rows } = await database.superuser(
      `set standard_conforming_strings = ${conforming}; select array[${list}]::text[] as texts; `,
    )
    expect(rows).toEqual([{ texts }])
  }
})

test('a schema and a name are quoted by themselves', () => {
  expect(qualified({ schema: 'a.b', name: 'order' })).toBe('"a.b"."order"')
})

test('a name of ours that is too long keeps its beginning, and stays different from others', () => {
  expect(ownName('tasks', 'pkey')).toBe('tenantry_tasks_pkey')
  const names = ['a', 'b'].map((end) => ownName(`${'ü'.repeat(40)}${end}`, 'pkey'))
  expect(new Set(names).size).toBe(2)
  for (const name of names) {
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(LONGEST_NAME)
    expect(name).toMatch(/^tenantry_ü+_[0-9a-f]{8}$/)
  }
})
