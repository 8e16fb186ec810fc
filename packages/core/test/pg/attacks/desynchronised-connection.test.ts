import { createServer, connect } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import pg from 'pg'
import Cursor from 'pg-cursor'
import OldCursor from 'pg-cursor-2.10'
import { describe, expect, onTestFinished, test } from 'vitest'
import { asTenant, tenantsIn, WHOSE_ROWS } from '../support/as-tenant.ts'
import { callsBack, codeOf } from '../support/calls-back.ts'
import { expectWhole } from '../support/expect-whole.ts'
import { takeLock, WAIT_FOR_LOCK } from '../support/lock.ts'
import { openNaivePool } from '../support/naive-pool.ts'
import { openPool } from '../support/open-pool.ts'
import { clientsOf, rawQuery } from '../support/raw-query.ts'
import { pgIsAtLeast, pgVersion } from '../support/pg-version.ts'
import { runProgram } from '../support/run-program.ts'
import { tenantId } from '../support/tenants.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

const QUERIES = 400

/** A cursor of the release whose timer nobody stops: it fires after the cursor's end, and sends a Sync. */
function timedCursor(fired: () => void): Cursor {
  const cursor = new OldCursor(WHOSE_ROWS)
  cursor.on('error', fired)
  // Of this statement alone. The callback is what pg before 8.17 cannot do without.
  return Object.assign(cursor, { query_timeout: 40, callback: () => {} })
}

/**
 * Tenant 1 reads a cursor to its end and releases. Its timer fires while a statement of tenant 2 is in progress on the
 * same connection, with hundreds of statements of other tenants waiting for it.
 */
async function fireDuringTheNextStatement(
  pool: pg.Pool,
  seen: (answer: string) => void = () => {},
): Promise<{ wrong: number; right: number; refused: number }> {
  const lock = await takeLock(database)
  let fired: () => void = () => {}
  const firing = new Promise<void>((resolve) => {
    fired = resolve
  })
  await asTenant(1, async () => {
    const client = await pool.connect()
    const cursor = client.query(timedCursor(fired))
    await cursor.read(10)
    await cursor.close()
    client.release()
  })
  const blocked = asTenant(2, () => codeOf(pool.query(WAIT_FOR_LOCK)))
  const answers = Array.from({ length: QUERIES }, (_, index) => {
    const tenant = (index % 150) + 3
    return asTenant(tenant, () => pool.query(WHOSE_ROWS))
      .then(
        (result) => (String(tenantsIn(result)) === String(tenant) ? 'right' : 'wrong'),
        () => 'refused',
      )
      .then((answer) => {
        seen(answer)
        return answer
      })
  })
  await lock.waitedFor()
  await firing
  await lock.open()
  await blocked
  const counts = { wrong: 0, right: 0, refused: 0 }
  for (const answer of await Promise.all(answers)) counts[answer as keyof typeof counts] += 1
  return counts
}

describe('The timer of pg-cursor 2.10 with query_timeout, firing after the end of the cursor', () => {
  test("shifts the answers of a naive pool: hundreds of queries get another tenant's rows", async () => {
    const pool = openNaivePool({ connectionString: database.urls.app, max: 1 })
    const clients = clientsOf(pool)
    let misled = 0
    const { wrong } = await fireDuringTheNextStatement(pool, (answer) => {
      if (answer === 'wrong') misled += 1
      // Cut before the last one, whose rows nobody waits for: pg before 8.17 ends the process over them.
      if (misled === (QUERIES * 3) / 4) (clients[0] as unknown as pg.Client).connection.stream.destroy()
    })
    expect(wrong).toBeGreaterThan(QUERIES / 2)
  })

  test("gives nobody another tenant's rows", async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const { wrong, right, refused } = await fireDuringTheNextStatement(pool)
    expect({ wrong, answered: right + refused }).toEqual({ wrong: 0, answered: QUERIES })
    expect(refused).toBeLessThanOrEqual(1)
    await asTenant(1, () => expectWhole(pool))
  })

  test('ends the connection of a checkout that goes on with it', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const lock = await takeLock(database)
    await asTenant(1, async () => {
      const client = await pool.connect()
      let fired: () => void = () => {}
      const firing = new Promise<void>((resolve) => {
        fired = resolve
      })
      const cursor = client.query(timedCursor(fired))
      await cursor.read(10)
      await cursor.close()
      const blocked = client.query(WAIT_FOR_LOCK)
      const queued = [client.query(WHOSE_ROWS), client.query(WHOSE_ROWS)].map(codeOf)
      await lock.waitedFor()
      await firing
      await lock.open()
      await blocked
      expect(await queued[0]).toBe('CONNECTION_DESYNCHRONISED')
      expect(await queued[1]).toBeDefined()
      client.release()
    })
    await asTenant(2, () => expectWhole(pool))
  })

  test('does not happen with the pg-cursor of today', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const rows = await asTenant(1, async () => {
      const client = await pool.connect()
      const cursor = client.query(new Cursor<{ tenant: string }>(WHOSE_ROWS))
      const read = await cursor.read(10)
      await cursor.close()
      client.release()
      return read
    })
    expect(tenantsIn({ rows })).toEqual([1])
    await asTenant(2, () => expectWhole(pool))
  })
})

describe('A cursor with query_timeout', () => {
  const run = (pool: string) =>
    runProgram('cursor-timeout', { TENANT: tenantId(1), APP_URL: database.urls.app, POOL: pool })

  test.skipIf(pgIsAtLeast(17))('ends a process with plain pg, before 8.17', async () => {
    const { exitCode, output } = await run('pg.Pool')
    expect(output).toContain('queryCallback is not a function')
    expect(exitCode).not.toBe(0)
  })

  test('does not end a process with a TenantPool', async () => {
    const { exitCode, output } = await run('TenantPool')
    expect(output).toContain(`survived on ${pgVersion}\n`)
    expect(exitCode).toBe(0)
  })
})

describe("The server's echo of the prelude", () => {
  /** A server in between which replaces bytes in the answers, as long as it is told to. */
  async function tamperingServer(from: string, to: string): Promise<{ url: string; tamper: boolean }> {
    const url = new URL(database.urls.app)
    const [host, port] = [url.hostname, Number(url.port || 5432)]
    const server = createServer()
    const sockets: Socket[] = []
    const state = { url: '', tamper: false }
    server.on('connection', (client) => {
      const upstream = connect(port, host)
      sockets.push(client, upstream)
      client.on('data', (chunk: Buffer) => upstream.write(chunk))
      upstream.on('data', (chunk: Buffer) => {
        const text = chunk.toString('latin1')
        client.write(state.tamper ? Buffer.from(text.replace(from, to), 'latin1') : chunk)
      })
      for (const [socket, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        socket.on('error', () => other.destroy())
        socket.on('close', () => other.destroy())
      }
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    url.hostname = '127.0.0.1'
    url.port = String((server.address() as AddressInfo).port)
    state.url = url.href
    return state
  }

  test.each([
    ['is that of another tenant', tenantId(1), tenantId(2)],
    ['is one that was never sent', tenantId(1), 'ffffffff-0000-4000-8000-000000000001'],
  ])('ends the connection where it %s, before any row is handed over', async (_name, from, to) => {
    const server = await tamperingServer(from, to)
    const pool = openPool({ connectionString: server.url, max: 1 })
    await asTenant(1, () => pool.query('select 1'))
    server.tamper = true
    expect(await codeOf(asTenant(1, () => pool.query(WHOSE_ROWS)))).toBe('CONNECTION_DESYNCHRONISED')
    await asTenant(1, async () => {
      const client = await pool.connect()
      const rows: unknown[] = []
      const query = new pg.Query(WHOSE_ROWS)
      query.on('row', (row) => rows.push(row))
      const failure = new Promise<Error>((resolve) => query.on('error', resolve))
      client.query(query)
      expect(await failure).toMatchObject({ code: 'CONNECTION_DESYNCHRONISED' })
      expect(rows).toEqual([])
      client.release()
    })
    server.tamper = false
    expect(tenantsIn(await asTenant(1, () => pool.query(WHOSE_ROWS)))).toEqual([1])
  })
})

describe('Set-up that leaves a transaction open', () => {
  const INSERT = "insert into projects (name) values ('acknowledged')"

  test('takes, in a naive pool, the first acknowledged INSERT with it', async () => {
    const pool = openNaivePool({ connectionString: database.urls.app, max: 1 })
    pool.on('connect', (client) => {
      void rawQuery(client, 'begin')
    })
    const { rowCount } = await asTenant(1, () => pool.query(INSERT))
    expect(rowCount).toBe(1)
    await pool.end()
    expect(await database.query("select from projects where name = 'acknowledged'")).toEqual([])
  })

  test('has the first statement refused: nothing is acknowledged and lost', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 2 })
    let begin = true
    pool.on('connect', (client) => {
      if (begin) client.query('begin').catch(() => {})
    })
    expect(await codeOf(asTenant(1, () => pool.query(INSERT)))).toBe('CONNECTION_DESYNCHRONISED')
    await asTenant(1, async () => {
      const client = await pool.connect()
      expect(await codeOf(client.query(INSERT))).toBe('CONNECTION_DESYNCHRONISED')
      client.release()
    })
    expect(await codeOf(asTenant(1, () => pool.transaction((client) => client.query(INSERT))))).toBe(
      'CONNECTION_DESYNCHRONISED',
    )
    await asTenant(1, async () => {
      const client = await pool.connect()
      const calls: (string | undefined)[] = []
      const { error } = await callsBack((callback) =>
        client.query(INSERT, (failure) => {
          calls.push((failure as Error & { code?: string }).code)
          callback(failure)
        }),
      )
      expect(error?.code).toBe('CONNECTION_DESYNCHRONISED')
      client.release()
      // Another round trip later the callback has been called once, not twice.
      await database.query('select 1')
      expect(calls).toEqual(['CONNECTION_DESYNCHRONISED'])
    })
    expect(await database.query("select from projects where name = 'acknowledged'")).toEqual([])
    begin = false
    await asTenant(1, () => expectWhole(pool))
  })

  test('is refused in a failed transaction, too', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    pool.on('connect', (client) => {
      for (const text of ['begin', 'select 1 / 0']) client.query(text).catch(() => {})
    })
    expect(await codeOf(asTenant(1, () => pool.query(WHOSE_ROWS)))).toBe('CONNECTION_DESYNCHRONISED')
  })

  test('may begin a transaction that it ends', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    pool.on('connect', (client) => {
      for (const text of ['begin', 'select 1', 'commit']) void client.query(text)
    })
    expect(tenantsIn(await asTenant(1, () => pool.query(WHOSE_ROWS)))).toEqual([1])
  })
})
