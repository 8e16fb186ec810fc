import pg from 'pg'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { describe, expect, test } from 'vitest'
import { asTenant } from '../support/as-tenant.ts'
import { callsBack } from '../support/calls-back.ts'
import { happens } from '../support/happens.ts'
import { endAfterTest, openPool } from '../support/open-pool.ts'
import { clientsOf, settingsLeft } from '../support/raw-query.ts'
import { tenancy, tenantId } from '../support/tenants.ts'
import { useDatabase } from '../support/use-database.ts'
import { textsOf, WireTap } from '../support/wire-tap.ts'
import type { SentMessage } from '../support/wire-tap.ts'

const database = useDatabase()

type Queryable = Pick<pg.ClientBase, 'query'>

const VALUE = 'a value of the statement'
const TEXT = 'select name from projects order by name'
const WITH_VALUE = `${TEXT} limit 1 + length($1::text)`

const answer = async (
  take: (callback: (error: Error | null | undefined, result?: unknown) => void) => unknown,
) => {
  const { error } = await callsBack(take)
  if (error) throw error
}

/** Every form that `client.query` and `pool.query` take: one statement each. */
const forms: Record<string, (client: Queryable) => Promise<unknown>> = {
  text: (client) => client.query(TEXT),
  'text and values': (client) => client.query(WITH_VALUE, [VALUE]),
  'text and no values': (client) => client.query(TEXT, []),
  config: (client) => client.query({ text: WITH_VALUE, values: [VALUE] }),
  'config and values': (client) => client.query({ text: WITH_VALUE }, [VALUE]),
  'a named statement': (client) => client.query({ name: 'named', text: WITH_VALUE, values: [VALUE] }),
  'rowMode array': (client) => client.query({ text: TEXT, rowMode: 'array' }),
  'types of its own': (client) =>
    client.query({ text: TEXT, types: { getTypeParser: () => () => 'parsed' } }),
  'text, callback': (client) => answer((callback) => client.query(TEXT, callback)),
  'text, values, callback': (client) => answer((callback) => client.query(WITH_VALUE, [VALUE], callback)),
  'config, callback': (client) => answer((callback) => client.query({ text: TEXT }, callback)),
  'pg.Query with a callback': (client) =>
    answer((callback) => client.query(new pg.Query(WITH_VALUE, [VALUE], callback as never))),
  'pg.Query without values, with a callback': (client) =>
    answer((callback) => client.query(new pg.Query(TEXT, callback as never))),
  'pg.Query with listeners': (client) => {
    const query = new pg.Query(TEXT)
    const ended = happens(query, 'end')
    client.query(query)
    return ended
  },
  'several statements': (client) => client.query(`${TEXT}; ${TEXT}`),
  'an INSERT': (client) => client.query('insert into projects (name) values ($1)', [VALUE]),
  'an INSERT without values': (client) =>
    client.query("insert into projects (name) values ('x') returning id"),
  // In its execution: one that is prepared and cannot be planned is sent once more, without its name.
  'a statement that fails': (client) => client.query('select 1 / (random() * 0)::int').catch(() => {}),
  'an empty text': (client) => client.query(''),
  DDL: (client) => client.query('create temporary table if not exists mine (a int)').catch(() => {}),
}

/** Those that read in steps: as many flights as with plain pg. */
const steps: Record<string, (client: pg.ClientBase) => Promise<unknown>> = {
  'a cursor read whole': async (client) => {
    const cursor = client.query(new Cursor(WITH_VALUE, [VALUE]))
    await cursor.read(100)
    await cursor.close()
  },
  'a cursor read in steps': async (client) => {
    const cursor = client.query(new Cursor('select generate_series(1, 5)'))
    while ((await cursor.read(2)).length > 0);
    await cursor.close()
  },
  'a query stream': (client) => client.query(new QueryStream(TEXT)).toArray(),
  'a query stream in batches': (client) =>
    client.query(new QueryStream('select generate_series(1, 10)', [], { batchSize: 3 })).toArray(),
}

/** A settled statement has all of its answers: whatever comes next begins another flight. */
async function flightsOf(
  tap: WireTap,
  work: () => Promise<unknown>,
): Promise<readonly (readonly SentMessage[])[]> {
  tap.takeFlights()
  await work()
  return tap.takeFlights()
}

const scope = { tenantId: tenantId(1), userId: 'the user of the scope' }

/** What a group of messages gives away about itself. */
function describeGroup(messages: readonly SentMessage[]): object {
  const types = messages.map(({ type }) => type).join('')
  const texts = textsOf(messages)
  const bodies = (of: string): string =>
    messages.flatMap(({ type, body }) => (type === of ? body : [])).join('\n')
  const calls = texts.flatMap((text) => [...text.matchAll(/set_config\([^)]*\)/g)].map(([call]) => call))
  return {
    protocol:
      types === 'Q' ? 'simple' : /^C*P?BEP?BD?ES$/.test(types) ? 'extended, the prelude first' : types,
    control: texts.filter((text) => /\b(?:begin|commit|start|end)\b|^\s*set\b/i.test(text)),
    lastingSettings: calls.filter((call) => !call.endsWith(',true)')),
    valuesInTexts: [VALUE, ...Object.values(scope)].filter((value) => texts.join('\n').includes(value)),
    boundOfTheScope: Object.values(scope).filter((value) => bodies('B').includes(value)),
  }
}

const EXTENDED = {
  protocol: 'extended, the prelude first',
  control: [],
  lastingSettings: [],
  valuesInTexts: [],
  boundOfTheScope: Object.values(scope),
}

// Several statements have no other protocol, so that the scope's values are literals in the text.
const SIMPLE = { ...EXTENDED, protocol: 'simple', valuesInTexts: Object.values(scope), boundOfTheScope: [] }

describe.each([false, true])('With prepare: %s', (prepare) => {
  describe.each(['pool', 'client'] as const)('a scoped statement of a %s takes one flight', (through) => {
    test.each(Object.entries(forms).map(([form, send]) => ({ form, send })))(
      '$form, the first, second and third time',
      async ({ form, send }) => {
        const tap = await WireTap.open(database.urls.app)
        const pool = openPool({ connectionString: tap.url, max: 1, prepare })
        const clients = clientsOf(pool)
        await tenancy.run(scope, async () => {
          for (let use = 1; use <= 3; use += 1) {
            // An error ends the connection of pool.query, and a new one shakes hands first.
            await pool.query('select 0')
            const client = through === 'client' ? await pool.connect() : undefined
            const flights = await flightsOf(tap, () => send(client ?? pool))
            client?.release()
            const [first = []] = flights
            expect(flights.filter(([message]) => message?.type !== 'X').length).toBe(1)
            expect(describeGroup(first)).toEqual(form === 'several statements' ? SIMPLE : EXTENDED)
          }
        })
        // Nothing is left on the session.
        const client = await tenancy.run(scope, () => pool.connect())
        expect(await settingsLeft(clients.at(-1) as pg.PoolClient)).toEqual(['', ''])
        client.release()
        await pool.end()
      },
    )
  })
})

describe('A statement that is prepared', () => {
  test('sends neither its text nor that of the prelude any more', async () => {
    const tap = await WireTap.open(database.urls.app)
    const pool = openPool({ connectionString: tap.url, max: 1, prepare: true })
    await tenancy.run(scope, async () => {
      const sent: string[] = []
      for (let use = 1; use <= 4; use += 1) {
        await pool.query('select 0')
        const [group = []] = await flightsOf(tap, () => pool.query(WITH_VALUE, [VALUE]))
        sent.push(group.map(({ type }) => type).join(''))
      }
      // Prepared at the second use, its columns known from the third on.
      expect(sent).toEqual(['BEPBDES', 'BEPBDES', 'BEBES', 'BEBES'])
    })
    await pool.end()
  })
})

describe('What is read in steps', () => {
  test.each(Object.entries(steps).map(([form, read]) => ({ form, read })))(
    'takes as many flights as with plain pg: $form',
    async ({ read }) => {
      const tap = await WireTap.open(database.urls.app)
      const count = async (pool: pg.Pool): Promise<number> =>
        asTenant(1, async () => {
          const client = await pool.connect()
          await client.query('select 1')
          const flights = await flightsOf(tap, () => read(client))
          for (const text of flights.flatMap(textsOf)) expect(text).not.toMatch(/\b(?:begin|commit)\b/i)
          client.release()
          await pool.end()
          return flights.length
        })
      const plain = await count(endAfterTest(new pg.Pool({ connectionString: tap.url, max: 1 })))
      expect(await count(openPool({ connectionString: tap.url, max: 1 }))).toBe(plain)
      expect(await count(openPool({ connectionString: tap.url, max: 1, prepare: true }))).toBe(plain)
    },
  )
})

describe('A transaction', () => {
  test('takes no flight for the scope: one each for BEGIN, the statements and COMMIT', async () => {
    const tap = await WireTap.open(database.urls.app)
    const pool = openPool({ connectionString: tap.url, max: 1 })
    await tenancy.run(scope, async () => {
      await pool.query('select 0')
      const flights = await flightsOf(tap, () =>
        pool.transaction(async (client) => {
          await client.query(WITH_VALUE, [VALUE])
          await client.query(WITH_VALUE, [VALUE])
        }),
      )
      expect(flights.map((messages) => messages.map(({ type }) => type).join(''))).toEqual([
        'Q',
        'PBEPBDES',
        'PBDES',
        'Q',
      ])
      expect(flights.flatMap(textsOf).filter((text) => text.includes('set_config')).length).toBe(1)
    })
    await pool.end()
  })

  test('waits, in a pool that sets the session, once more for each checkout', async () => {
    const tap = await WireTap.open(database.urls.app)
    const pool = endAfterTest(new pg.Pool({ connectionString: tap.url, max: 1 }))
    const client = await pool.connect()
    const flights = await flightsOf(tap, async () => {
      await client.query('begin')
      await client.query(`select set_config('app.current_tenant_id', $1, true)`, [tenantId(1)])
      await client.query(TEXT)
      await client.query('commit')
    })
    expect(flights.length).toBe(4)
    client.release()
    await pool.end()
  })
})

describe('A refused statement', () => {
  test('sends nothing at all', async () => {
    const tap = await WireTap.open(database.urls.app)
    const pool = openPool({ connectionString: tap.url, max: 1 })
    await asTenant(1, () => pool.query('select 1'))
    const client = await asTenant(1, () => pool.connect())
    const flights = await flightsOf(tap, async () => {
      for (const send of Object.values(forms).slice(0, 11))
        await send(pool as unknown as Queryable).catch(() => {})
      for (const send of Object.values(forms).slice(0, 11)) {
        await asTenant(2, () => send(client)).catch(() => {})
      }
      await asTenant(1, () => pool.query('begin')).catch(() => {})
      await asTenant(1, () => client.query('begin; select 1; commit')).catch(() => {})
    })
    expect(flights).toEqual([])
    client.release()
    await pool.end()
  })
})
