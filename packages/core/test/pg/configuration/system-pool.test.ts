import type pg from 'pg'
import { describe, expect, test, vi } from 'vitest'
import { SystemPoolRequiredError, createTenancy } from '../../../src/index.ts'
import type { RefusedEvent, Tenancy } from '../../../src/index.ts'
import { callsBack } from '../support/calls-back.ts'
import { expectWhole } from '../support/expect-whole.ts'
import { failureOf } from '../support/failure-of.ts'
import { listenTo } from '../support/listen.ts'
import { openPool } from '../support/open-pool.ts'
import { inTenant, tenancy, tenantId } from '../support/tenants.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

const who = 'select current_user as role, tenantry.tenant_id() as tenant'

describe('without a system pool', () => {
  test('every way to a statement is refused inside asSystem, and nothing is connected', async () => {
    const events = listenTo<RefusedEvent>('tenantry:refused')
    const pool = openPool({ connectionString: database.urls.app })
    await tenancy.asSystem('a test', async () => {
      const failures = [
        await failureOf(pool.query('select 1')),
        await failureOf(pool.connect()),
        await failureOf(pool.transaction(async () => {})),
        (await callsBack((callback) => pool.query('select 1', callback))).error,
        (await callsBack((callback) => pool.connect(callback))).error,
      ]
      for (const failure of failures) {
        expect(failure).toBeInstanceOf(SystemPoolRequiredError)
        expect(failure).toMatchObject({ code: 'SYSTEM_POOL_REQUIRED' })
        expect(failure?.message).toContain('new TenantPool({ system: { connectionString } })')
      }
      expect(events.filter(({ code }) => code === 'SYSTEM_POOL_REQUIRED')).toHaveLength(failures.length)
    })
    expect(pool.totalCount).toBe(0)
  })
})

describe('the system pool', () => {
  /** The parts of a connection string. */
  function partsOf(connectionString: string): pg.PoolConfig {
    const url = new URL(connectionString)
    return {
      host: url.hostname,
      port: Number(url.port),
      database: url.pathname.slice(1),
      user: url.username,
      password: decodeURIComponent(url.password),
    }
  }

  test('serves asSystem and nothing else, whichever way its role is given', async () => {
    const [app, system] = [partsOf(database.urls.app), partsOf(database.urls.system)]
    const { user, password } = system
    const given = [
      { connectionString: database.urls.app, system: { connectionString: database.urls.system } },
      { connectionString: database.urls.app, system },
      { ...app, system: { connectionString: database.urls.system } },
      // The rest is as for the pool itself.
      { ...app, system: { user, password } as pg.PoolConfig },
    ]
    for (const options of given) {
      const pool = openPool({ max: 1, ...options })
      const asked = [
        await inTenant(1, () => pool.query(who)),
        await tenancy.asSystem('a test', () => pool.query(who)),
        await tenancy.withoutTenant(() => pool.query(who)),
        await tenancy.asSystem('a test', () => pool.transaction((client) => client.query(who))),
        await inTenant(2, () => pool.query(who)),
      ]
      expect(asked.map(({ rows }) => (rows as unknown[])[0])).toEqual([
        { role: 'tenantry_app', tenant: tenantId(1) },
        { role: 'tenantry_system', tenant: null },
        { role: 'tenantry_app', tenant: null },
        { role: 'tenantry_system', tenant: null },
        { role: 'tenantry_app', tenant: tenantId(2) },
      ])
    }
  })

  test('is not reached with the credentials of the environment instead of its own', async () => {
    vi.stubEnv('PGUSER', 'tenantry_app')
    vi.stubEnv('PGPASSWORD', 'wrong')
    const pool = openPool({
      connectionString: database.urls.app,
      system: { connectionString: database.urls.system },
    })
    const { rows } = await tenancy.asSystem('a test', () => pool.query(who))
    vi.unstubAllEnvs()
    expect(rows).toEqual([{ role: 'tenantry_system', tenant: null }])
  })

  test('passes on why it cannot connect, and loses no connection by it', async () => {
    let password = 'wrong'
    const pool = openPool({
      connectionString: database.urls.app,
      system: { ...partsOf(database.urls.system), password: () => password, max: 1 },
    })
    await tenancy.asSystem('a test', async () => {
      for (let attempt = 0; attempt < 3; attempt += 1) {
        expect(await failureOf(pool.query('select 1'))).toMatchObject({ code: '28P01' })
        expect(await failureOf(pool.connect())).toMatchObject({ code: '28P01' })
      }
      password = String(partsOf(database.urls.system).password)
      expect((await pool.query(who)).rows).toEqual([{ role: 'tenantry_system', tenant: null }])
    })
    await inTenant(1, () => pool.query(who))
  })

  test('is encrypted if its pool is', async () => {
    const pool = openPool({
      connectionString: database.urls.app,
      ssl: { rejectUnauthorized: false },
      system: { connectionString: database.urls.system },
      max: 1,
    })
    // Whether the server can do it or not: never in the clear.
    const isEncrypted = () =>
      pool.query<{ ssl: boolean }>('select ssl from pg_stat_ssl where pid = pg_backend_pid()').then(
        ({ rows }) => rows[0]?.ssl,
        (error: Error) => error.message,
      )
    const expected = expect.toSatisfy(
      (outcome) => outcome === true || /not support SSL/.test(String(outcome)),
    )
    expect(await inTenant(1, isEncrypted)).toEqual(expected)
    expect(await tenancy.asSystem('a test', isEncrypted)).toEqual(expected)
  })

  test('has limits of its own where given, the pool’s otherwise, and is not counted with it', async () => {
    const pool = openPool({
      connectionString: database.urls.app,
      max: 4,
      application_name: 'limits',
      system: { connectionString: database.urls.system, max: 1 },
    })
    await tenancy.asSystem('a test', async () => {
      const pids = await Promise.all(
        Array.from({ length: 6 }, () =>
          pool.query('select pg_backend_pid() as pid, current_setting($1) as name', ['application_name']),
        ),
      )
      const rows = pids.map((result) => (result.rows as { pid: number; name: string }[])[0])
      expect(new Set(rows.map((row) => row?.pid)).size).toBe(1)
      expect(rows[0]?.name).toBe('limits')
    })
    expect(pool.totalCount).toBe(0)
    await inTenant(1, () => expectWhole(pool))
  })

  test('keeps the tenancy of its pool, whatever its options were spread from', async () => {
    const other: Tenancy = createTenancy({ tenantId: 'text', settings: { tenantId: 'other.tenant' } })
    const pool = openPool({
      connectionString: database.urls.app,
      system: { connectionString: database.urls.system, tenancy: other, system: undefined } as pg.PoolConfig,
    })
    const { rows } = await tenancy.asSystem('a test', () => pool.query(who))
    expect(rows).toEqual([{ role: 'tenantry_system', tenant: null }])
    expect(await failureOf(pool.query('select 1'))).toMatchObject({ code: 'TENANT_REQUIRED' })
  })

  test('shows no tenant’s settings, and no tenant shows its', async () => {
    const pool = openPool({
      connectionString: database.urls.app,
      system: { connectionString: database.urls.system },
      max: 1,
    })
    const user = "select current_setting('app.current_user_id', true) as user, tenantry.tenant_id() as tenant"
    const seen = await tenancy.run({ tenantId: tenantId(1), userId: 'u1' }, async () => [
      (await pool.query(user)).rows[0] as unknown,
      (await tenancy.asSystem('a test', () => pool.query(user))).rows[0] as unknown,
      (await pool.query(user)).rows[0] as unknown,
    ])
    expect(seen).toEqual([
      { user: 'u1', tenant: tenantId(1) },
      { user: '', tenant: null },
      { user: 'u1', tenant: tenantId(1) },
    ])
  })
})

describe('options of pg that say nothing of tenants', () => {
  test('reach the server, through whichever way', async () => {
    const url = new URL(database.urls.app)
    url.searchParams.set('options', '-c statement_timeout=2345')
    const pools = [
      openPool({ connectionString: database.urls.app, options: '-c statement_timeout=2345' }),
      openPool({ connectionString: url.href }),
      openPool({ connectionString: database.urls.app, statement_timeout: 2345 }),
    ]
    vi.stubEnv('PGOPTIONS', '-c statement_timeout=2345')
    pools.push(openPool({ connectionString: database.urls.app }))
    for (const pool of pools) {
      const { rows } = await inTenant(1, () =>
        pool.query("select current_setting('statement_timeout') as timeout"),
      )
      expect(rows).toEqual([{ timeout: '2345ms' }])
    }
    vi.unstubAllEnvs()
  })
})
