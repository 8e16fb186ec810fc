import postgres from 'postgres'
import { describe, expect, test } from 'vitest'
import { tenantPostgres } from '../../../src/postgres-js/index.ts'
import { asTenant } from '../../pg/support/as-tenant.ts'
import { codeOf } from '../../pg/support/calls-back.ts'
import { createRole } from '../../pg/support/create-role.ts'
import { failureOf } from '../../pg/support/failure-of.ts'
import { tenancy } from '../../pg/support/tenants.ts'
import { useDatabase } from '../../pg/support/use-database.ts'
import { openSql, whoseRows } from '../support/open-sql.ts'

const database = useDatabase()
const refusal = expect.objectContaining({ code: 'INVALID_CONFIG' }) as Error

describe('tenantPostgres', () => {
  test('refuses what is no tenancy', () => {
    for (const given of [undefined, null, {}, 'tenancy', { current: () => undefined }]) {
      expect(() => tenantPostgres({ tenancy: given as never })).toThrow(refusal)
    }
  })

  test('refuses whatever presets a setting', () => {
    const url = database.urls.app
    const id = '00000000-0000-4000-8000-000000000001'
    for (const connection of [
      { 'app.current_tenant_id': id },
      { 'App.Current_Tenant_Id': id },
      { options: `-c app.current_tenant_id=${id}` },
      { options: `--app.current-tenant-id=${id}` },
      { options: `-c app.current\\_user\\_id=somebody` },
    ]) {
      expect(() => tenantPostgres(url, { tenancy, connection })).toThrow(refusal)
      expect(() => tenantPostgres(url, { tenancy, system: { url, connection } })).toThrow(refusal)
    }
    const options = encodeURIComponent(`-c app.current_tenant_id=${id}`)
    expect(() => tenantPostgres(`${url}?options=${options}`, { tenancy })).toThrow(refusal)
    expect(() => tenantPostgres(`${url}?app.current_tenant_id=${id}`, { tenancy })).toThrow(refusal)
  })

  test('takes options one by one, and a system role at the same address', async () => {
    const [app, system] = [new URL(database.urls.app), new URL(database.urls.system)]
    const sql = tenantPostgres({
      tenancy,
      host: app.hostname,
      port: Number(app.port || 5432),
      database: app.pathname.slice(1),
      user: app.username,
      password: decodeURIComponent(app.password),
      max: 1,
      max_pipeline: 1000,
      system: { user: system.username, password: decodeURIComponent(system.password) },
    } as never)
    const who = async () => [...(await sql`select current_user as role`)]
    expect(await asTenant(1, who)).toEqual([{ role: app.username }])
    expect(await tenancy.asSystem('a test', who)).toEqual([{ role: system.username }])
    await sql.end()
  })

  test('refuses a system role that is none', () => {
    const url = database.urls.app
    for (const system of [null, 'postgres://system@host/db', {}, { host: 'host' }, { password: 'x' }]) {
      expect(() => tenantPostgres(url, { tenancy, system: system as never })).toThrow(refusal)
    }
  })

  test('refuses the system without its role, and connects to nothing', async () => {
    const sql = openSql(database.urls.app)
    await tenancy.asSystem('a test', async () => {
      expect(await codeOf(whoseRows(sql))).toBe('SYSTEM_POOL_REQUIRED')
      expect(await codeOf(sql.begin(() => {}))).toBe('SYSTEM_POOL_REQUIRED')
      expect(await codeOf(sql.reserve())).toBe('SYSTEM_POOL_REQUIRED')
    })
  })

  test('tries several hosts', async () => {
    const url = new URL(database.urls.app)
    const sql = openSql(`postgres://${url.username}:${url.password}@127.0.0.1:1,${url.host}${url.pathname}`)
    expect(await asTenant(1, () => whoseRows(sql))).toEqual([1])
    const primary = openSql(url.href, { target_session_attrs: 'read-write' })
    expect(await asTenant(2, () => whoseRows(primary))).toEqual([2])
  })

  test('works where postgres.js has been told not to prepare or fetch types', async () => {
    const sql = openSql(database.urls.app, { prepare: false, fetch_types: false, max: 2 })
    const seen = await Promise.all([1, 2, 3, 4, 5].map((tenant) => asTenant(tenant, () => whoseRows(sql))))
    expect(seen).toEqual([[1], [2], [3], [4], [5]])
  })
})

describe('sql.verify', () => {
  test('finds nothing where nothing is wrong, whatever is done to rows', async () => {
    const sql = openSql(database.urls.app, {
      system: { url: database.urls.system },
      transform: postgres.camel,
    })
    await sql.verify()
    expect(await asTenant(1, () => whoseRows(sql))).toEqual([1])
  })

  test('finds a superuser, a preset setting and a system that cannot cross', async () => {
    const role = await createRole(database, 'login')
    await database.query(`alter role ${role.name} set app.current_tenant_id = 'preset'`)
    const unsafe = openSql(role.url, { system: { url: role.url } })
    const findings = (await failureOf(unsafe.verify())) as unknown as {
      code: string
      findings: { code: string }[]
    }
    expect(findings.code).toBe('UNSAFE_DATABASE')
    expect(findings.findings.map(({ code }) => code)).toEqual(['setting-preset', 'system-cannot-cross'])
    const superuser = openSql(database.urls.superuser)
    const worse = (await failureOf(superuser.verify())) as unknown as { findings: { code: string }[] }
    expect(worse.findings.map(({ code }) => code)).toContain('superuser')
  })
})
