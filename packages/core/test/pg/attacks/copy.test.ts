import type pg from 'pg'
import { from, to } from 'pg-copy-streams'
import { describe, expect, test } from 'vitest'
import { asTenant, tenantsIn, WHOSE_ROWS } from '../support/as-tenant.ts'
import { callsBack, codeOf } from '../support/calls-back.ts'
import { expectWhole } from '../support/expect-whole.ts'
import { openPool } from '../support/open-pool.ts'
import { runProgram } from '../support/run-program.ts'
import { tenancy, tenantId } from '../support/tenants.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

const OUT = 'copy (select tenant_id from projects) to stdout'
const IN = 'copy projects (name) from stdin'

/** What a COPY TO gives, in lines. */
async function copied(client: pg.PoolClient, text = OUT): Promise<string[]> {
  const chunks: unknown[] = await client.query(to(text)).toArray()
  return chunks.join('').split('\n').filter(Boolean)
}

/** The error that a copy stream ends with. */
async function refusalOf(stream: NodeJS.EventEmitter): Promise<string | undefined> {
  const { error } = await callsBack((callback) => stream.once('error', callback))
  return error?.code
}

describe('COPY TO', () => {
  test('ends the process, in a naive pool with its prelude in the same flight', async () => {
    const { exitCode, output } = await runProgram('copy-out', {
      TENANT: tenantId(1),
      APP_URL: database.urls.app,
    })
    expect(output).not.toContain('survived')
    expect(exitCode).not.toBe(0)
  })

  test('is refused where there is no transaction with the scope in it yet', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    await asTenant(1, async () => {
      expect(await codeOf(pool.query(OUT))).toBe('COPY_NEEDS_TRANSACTION')
      const client = await pool.connect()
      expect(await codeOf(client.query(OUT))).toBe('COPY_NEEDS_TRANSACTION')
      expect(await refusalOf(client.query(to(OUT)))).toBe('COPY_NEEDS_TRANSACTION')
      await client.query('begin')
      expect(await refusalOf(client.query(to(OUT)))).toBe('COPY_NEEDS_TRANSACTION')
      expect(await refusalOf(client.query(to(`select 1; ${OUT}`)))).toBe('COPY_NEEDS_TRANSACTION')
      expect(tenantsIn(await client.query(WHOSE_ROWS))).toEqual([1])
      await client.query('commit')
      client.release()
    })
    await asTenant(2, () => expectWhole(pool))
  })

  test("gives the tenant's rows and nobody else's in a transaction that has run a statement", async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    for (const tenant of [1, 2]) {
      await asTenant(tenant, () =>
        pool.transaction(async (client) => {
          await client.query('select 1')
          expect(await copied(client)).toEqual([tenantId(tenant), tenantId(tenant), tenantId(tenant)])
          expect(await copied(client, '/* again */ COPY projects (tenant_id) TO STDOUT;')).toEqual(
            [1, 2, 3].map(() => tenantId(tenant)),
          )
          expect(tenantsIn(await client.query(WHOSE_ROWS))).toEqual([tenant])
        }),
      )
    }
    await tenancy.withoutTenant(() =>
      pool.transaction(async (client) => {
        await client.query('select 1')
        expect(await copied(client)).toEqual([])
      }),
    )
    await asTenant(3, () => expectWhole(pool))
  })

  test('is refused after whatever may have dropped the scope', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    await asTenant(1, async () => {
      const client = await pool.connect()
      for (const text of ['begin', 'select 1', 'commit and chain']) await client.query(text)
      expect(await refusalOf(client.query(to(OUT)))).toBe('COPY_NEEDS_TRANSACTION')
      for (const text of ['select 1', 'reset all']) await client.query(text)
      expect(await refusalOf(client.query(to(OUT)))).toBe('COPY_NEEDS_TRANSACTION')
      await client.query('rollback')
      client.release()
    })
  })

  test('is refused in another scope than that of its checkout', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const client = await asTenant(1, () => pool.connect())
    await asTenant(1, () => client.query('begin'))
    await asTenant(1, () => client.query('select 1'))
    expect(await asTenant(2, () => refusalOf(client.query(to(OUT))))).toBe('TENANT_MISMATCH')
    await client.query('rollback')
    client.release()
  })

  test('released in the middle is ended with its connection', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    await asTenant(1, async () => {
      const client = await pool.connect()
      await client.query('begin')
      await client.query('select 1')
      const stream = client.query(
        to(`copy (select repeat('x', 1000) from generate_series(1, 20000)) to stdout`),
      )
      stream.on('error', () => {})
      await new Promise((resolve) => stream.once('readable', resolve))
      client.release(true)
    })
    await asTenant(2, () => expectWhole(pool))
  })
})

describe('COPY FROM', () => {
  test('is refused everywhere for a tenant, for PostgreSQL has none under row-level security', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    await asTenant(1, async () => {
      expect(await codeOf(pool.query(IN))).toBe('COPY_FROM_UNSUPPORTED')
      const client = await pool.connect()
      expect(await refusalOf(client.query(from(IN)))).toBe('COPY_FROM_UNSUPPORTED')
      await client.query('begin')
      await client.query('select 1')
      expect(await codeOf(client.query(IN))).toBe('COPY_FROM_UNSUPPORTED')
      expect(await refusalOf(client.query(from(` /* */ COPY projects (name) FROM STDIN`)))).toBe(
        'COPY_FROM_UNSUPPORTED',
      )
      expect(tenantsIn(await client.query(WHOSE_ROWS))).toEqual([1])
      await client.query('rollback')
      client.release()
    })
    await asTenant(2, () => expectWhole(pool))
  })

  test('works for the system, in a transaction', async () => {
    const pool = openPool({
      connectionString: database.urls.app,
      max: 1,
      system: { connectionString: database.urls.system },
    })
    await tenancy.asSystem('a test', () =>
      pool.transaction(async (client) => {
        await client.query('select 1')
        const stream = client.query(from('copy projects (tenant_id, name) from stdin'))
        const finished = new Promise((resolve, reject) => stream.on('finish', resolve).on('error', reject))
        stream.end(`${tenantId(3)}\tcopied\n${tenantId(4)}\tcopied\n`)
        await finished
      }),
    )
    const rows = await database.query(`select tenant_id from projects where name = 'copied' order by 1`)
    expect(rows).toEqual([{ tenant_id: tenantId(3) }, { tenant_id: tenantId(4) }])
  })

  test('abandoned in the middle does not hold the release up', async () => {
    const pool = openPool({
      connectionString: database.urls.app,
      max: 1,
      system: { connectionString: database.urls.system },
    })
    await tenancy.asSystem('a test', async () => {
      const client = await pool.connect()
      await client.query('begin')
      await client.query('select 1')
      const stream = client.query(from('copy projects (tenant_id, name) from stdin'))
      stream.on('error', () => {})
      stream.write(`${tenantId(3)}\tnever\n`)
      client.release()
      const next = await pool.connect()
      expect((await next.query('select 1 as one')).rows).toEqual([{ one: 1 }])
      next.release()
    })
    expect(await database.query(`select from projects where name = 'never'`)).toEqual([])
  })
})
