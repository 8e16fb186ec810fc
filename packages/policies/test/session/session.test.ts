import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Query } from '../../src/query.ts'
import { messageOf, sqlState } from '../../src/session/database-error.ts'
import { currentSetting, currentSettings, setLocally, withSettings } from '../../src/session/settings.ts'
import { isInTransaction, savepoint, transaction, undone, within } from '../../src/session/transaction.ts'
import { openDatabase, type OpenDatabase } from '../support/open-database.ts'

let database: OpenDatabase
let query: Query

beforeAll(async () => {
  database = await openDatabase(
    'session',
    `create table lines (line text unique deferrable initially deferred);
     create schema evil;
     create function evil.current_setting(text, bool) returns text language sql return 'evil';
     create function evil.set_config(text, text, bool) returns text language sql return 'evil';
     grant usage on schema evil to public;
     grant all on lines to tenantry_app`,
  )
  query = database.app
})
afterAll(() => database.close())
beforeEach(async () => {
  await database.superuser('truncate lines')
})

const first = new Error('first')
const failing = (): Promise<never> => Promise.reject(first)
const add = (line: string) => () => query('insert into lines values ($1)', [line])
const lines = async (): Promise<unknown[]> =>
  (await database.superuser('select line from lines order by line')).rows.map(({ line }) => line)

/** The same connection, but for statements that fail by themselves. */
function refusing(pattern: RegExp): Query {
  return (text, values) =>
    pattern.test(text) ? Promise.reject(new Error(`second: ${text}`)) : query(text, values)
}

/** For objects in `evil` that are found before those of the system. */
async function misled(work: () => Promise<void>): Promise<void> {
  await query('set search_path = evil, pg_catalog')
  try {
    const { rows } = await query(`select current_setting('lock_timeout', true) as found`)
    expect(rows).toEqual([{ found: 'evil' }])
    await work()
  } finally {
    await query('reset search_path')
  }
}

describe('whether a transaction is open', () => {
  test('is seen outside of one, inside, in a read-only one, in a savepoint, and after its end', async () => {
    const seen = [await isInTransaction(query)]
    for (const statement of ['begin read only', 'savepoint mine', 'rollback to savepoint mine', 'commit']) {
      await query(statement)
      seen.push(await isInTransaction(query))
    }
    expect(seen).toEqual([false, true, true, true, false])
  })

  test('is an error in one that failed, as for every statement', async () => {
    await query('begin')
    await expect(query('select 1 / 0')).rejects.toThrow('division by zero')
    await expect(isInTransaction(query)).rejects.toMatchObject({ code: '25P02' })
    await query('rollback')
    expect(await isInTransaction(query)).toBe(false)
  })

  test('is not asked with a savepoint, which would let go of the caller’s of that name', async () => {
    const sent: string[] = []
    await isInTransaction((text, values) => {
      sent.push(text)
      return query(text, values)
    })
    expect(sent.join()).not.toMatch(/savepoint|begin/i)
  })

  test('does not hang on whose functions are found first', () =>
    misled(async () => {
      expect(await isInTransaction(query)).toBe(false)
      await query('begin')
      expect(await isInTransaction(query)).toBe(true)
      await query('rollback')
    }))
})

describe.each([
  ['a transaction', transaction(), []],
  ['a savepoint', savepoint, ['begin']],
] as const)('work within %s', (_, bracket, before) => {
  beforeEach(async () => {
    for (const statement of before) await query(statement)
  })
  const settle = async (): Promise<void> => {
    if (before.length > 0) await query('commit')
    expect(await isInTransaction(query)).toBe(false)
  }

  test('is there afterwards, and gives back what it found', async () => {
    expect(await within(query, bracket, () => add('kept')().then(() => 'found'))).toBe('found')
    await settle()
    expect(await lines()).toEqual(['kept'])
  })

  test('that fails leaves nothing, and what it threw is thrown', async () => {
    await expect(within(query, bracket, () => add('lost')().then(failing))).rejects.toBe(first)
    await settle()
    expect(await lines()).toEqual([])
  })

  test('that is to be undone leaves nothing either', async () => {
    expect(await within(query, undone(bracket), () => add('lost')().then(() => 'found'))).toBe('found')
    await settle()
    expect(await lines()).toEqual([])
  })

  test('that fails is what is told, although the undoing fails too', async () => {
    await expect(within(refusing(/^ROLLBACK/), bracket, failing)).rejects.toBe(first)
    await query('rollback')
  })

  test('that cannot be undone, as it should be, is a failure', async () => {
    const stuck = within(refusing(/^ROLLBACK/), undone(bracket), add('lost'))
    await expect(stuck).rejects.toThrow(/^second: ROLLBACK/)
    await query('rollback')
  })
})

test('a transaction that fails at its end is a failure, and over', async () => {
  const twice = within(query, transaction(), () => add('same')().then(add('same')))
  await expect(twice).rejects.toMatchObject({ code: '23505' })
  expect(await isInTransaction(query)).toBe(false)
  expect(await lines()).toEqual([])
})

test('a part of the caller’s transaction that fails takes back no more than itself', async () => {
  await query('begin')
  await add('caller’s')()
  await expect(within(query, savepoint, () => add('part')().then(failing))).rejects.toBe(first)
  await within(query, savepoint, () => within(query, undone(savepoint), add('inner')).then(add('outer')))
  await query('commit')
  expect(await lines()).toEqual(['caller’s', 'outer'])
})

describe('settings', () => {
  const timeouts = { lock_timeout: '7s', statement_timeout: '8s' }
  const names = Object.keys(timeouts)
  const none = { lock_timeout: '0', statement_timeout: '0' }

  test('that nobody made have no value', async () => {
    expect(await currentSetting(query, 'tenantry.nobody_made_this')).toBe('')
  })

  test('set locally hold until the end of the transaction', async () => {
    await query('begin')
    await setLocally(query, timeouts)
    expect(await currentSettings(query, names)).toEqual(timeouts)
    await query('commit')
    expect(await currentSettings(query, names)).toEqual(none)
  })

  test.each(['session', 'transaction'] as const)(
    'of the %s hold during the work, and are then as they were',
    async (scope) => {
      if (scope === 'transaction') await query('begin')
      await withSettings(query, timeouts, scope, async () => {
        expect(await currentSettings(query, names)).toEqual(timeouts)
      })
      expect(await currentSettings(query, names)).toEqual(none)
      await expect(withSettings(query, timeouts, scope, failing)).rejects.toBe(first)
      expect(await currentSettings(query, names)).toEqual(none)
      if (scope === 'transaction') await query('commit')
    },
  )

  test('that cannot be put back do not hide why the work failed', async () => {
    const connection = await database.connect('app')
    const cut = async (): Promise<void> => {
      await connection.end()
      throw first
    }
    await expect(withSettings(connection.query, timeouts, 'session', cut)).rejects.toBe(first)
  })

  test('that cannot be put back after work that was done are an error', async () => {
    const connection = await database.connect('app')
    await expect(
      withSettings(connection.query, timeouts, 'session', () => connection.end()),
    ).rejects.toBeDefined()
  })

  test('are read and set by the system’s functions, whatever the search path is', () =>
    misled(async () => {
      await withSettings(query, timeouts, 'session', async () => {
        expect(await currentSettings(query, names)).toEqual(timeouts)
      })
      expect(await currentSettings(query, names)).toEqual(none)
    }))
})

describe('an error of the database', () => {
  test('is known by its SQLSTATE, in itself or underneath', async () => {
    const error: unknown = await query('select 1 / 0').catch((thrown: unknown) => thrown)
    expect(sqlState(error)).toBe('22012')
    expect(sqlState(new Error('wrapped', { cause: new Error('again', { cause: error }) }))).toBe('22012')
    expect(messageOf(error)).toBe('division by zero')
  })

  test.each([undefined, null, 'text', new Error('no code'), { code: 7 }, { code: 'ECONNRESET' }])(
    'is not seen in %j',
    (thrown) => {
      expect(sqlState(thrown)).toBeUndefined()
    },
  )
})
