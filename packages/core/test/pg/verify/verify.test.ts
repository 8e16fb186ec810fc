import { describe, expect, onTestFinished, test } from 'vitest'
import type { RefusedEvent } from '../../../src/index.ts'
import { TenantryError, createTenancy } from '../../../src/index.ts'
import { TenantPool, UnsafeDatabaseError } from '../../../src/pg/index.ts'
import type { Finding, TenantPoolOptions } from '../../../src/pg/index.ts'
import { createRole } from '../support/create-role.ts'
import { expectWhole } from '../support/expect-whole.ts'
import { listenTo } from '../support/listen.ts'
import { endAfterTest, openPool } from '../support/open-pool.ts'
import { inTenant } from '../support/tenants.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

/** What verify() finds; nothing if it passes. */
async function findingsOf(pool: TenantPool): Promise<readonly Finding[]> {
  try {
    await pool.verify()
    return []
  } catch (error) {
    if (error instanceof UnsafeDatabaseError) return error.findings
    throw error
  }
}

/** The findings for a new pool, by what they are and what they are about. */
async function verify(options: Omit<TenantPoolOptions, 'tenancy'>): Promise<string[]> {
  const findings = await findingsOf(openPool({ max: 1, ...options }))
  return findings.map(({ code, object }) => `${code} ${object}`)
}

/**
 * Asserts that exactly these things are found, all at once, and that the fixes, run by a superuser just as they are
 * given, leave nothing to be found.
 */
async function expectFixable(options: Omit<TenantPoolOptions, 'tenancy'>, expected: string[]): Promise<void> {
  const findings = await findingsOf(openPool({ max: 1, ...options }))
  expect(findings.map(({ code, object }) => `${code} ${object}`).sort()).toEqual(expected.toSorted())
  for (const { fix } of findings) await database.query(fix)
  expect(await verify(options)).toEqual([])
}

async function serverVersion(): Promise<number> {
  const [row] = await database.query("select current_setting('server_version_num')::int as version")
  return row?.['version'] as number
}

/** Runs SQL as superuser now, and its opposite when the test is over. */
async function withChange(change: string, undo: string): Promise<void> {
  await database.query(change)
  onTestFinished(async () => void (await database.query(undo)))
}

/** A table with tenant_id and no protection whatever. */
function withTable(name: string, more = ''): Promise<void> {
  return withChange(
    `create table ${name} (tenant_id uuid not null, label text); alter table ${name} owner to tenantry_owner; ${more}`,
    `drop table ${name}`,
  )
}

describe('pool.verify()', () => {
  test('passes a database that is as it should be, with and without a system pool', async () => {
    expect(await verify({ connectionString: database.urls.app })).toEqual([])
    expect(
      await verify({
        connectionString: database.urls.app,
        system: { connectionString: database.urls.system },
      }),
    ).toEqual([])
  })

  test('needs no scope, works inside one, and loses no connection', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 2 })
    await pool.verify()
    await inTenant(1, async () => {
      await pool.verify()
      await expectWhole(pool)
    })
  })

  test('needs the right to read no table', async () => {
    const role = await createRole(database, 'login')
    const pool = openPool({ connectionString: role.url, max: 1 })
    await pool.verify()
    await expect(inTenant(1, () => pool.query('select * from public.projects'))).rejects.toMatchObject({
      code: '42501',
    })
  })

  test('passes on that the database is not to be reached', async () => {
    const url = new URL(database.urls.app)
    url.password = 'wrong'
    await expect(openPool({ connectionString: url.href }).verify()).rejects.toMatchObject({ code: '28P01' })
  })

  test('finds that the application is a superuser', async () => {
    const role = await createRole(database, 'login superuser')
    await expectFixable({ connectionString: role.url }, [`superuser ${role.name}`])
  })

  test('finds a superuser in the connection string of the tests themselves', async () => {
    const found = await verify({ connectionString: database.urls.superuser })
    expect(found.filter((each) => each.startsWith('superuser '))).toHaveLength(1)
  })

  test('finds that the application has BYPASSRLS', async () => {
    const role = await createRole(database, 'login bypassrls')
    await expectFixable({ connectionString: role.url }, [`bypasses-rls ${role.name}`])
  })

  test('finds that it can become a role with BYPASSRLS or a superuser', async () => {
    const [app, bypassing, superuser] = [
      await createRole(database, 'login'),
      await createRole(database, 'bypassrls'),
      await createRole(database, 'superuser'),
    ]
    await database.query(`grant ${bypassing.name}, ${superuser.name} to ${app.name}`)
    await expectFixable({ connectionString: app.url }, [
      `can-become-privileged ${bypassing.name}`,
      `can-become-privileged ${superuser.name}`,
    ])
  })

  test('finds that it can become one through another role', async () => {
    const [app, group, bypassing] = [
      await createRole(database, 'login'),
      await createRole(database, ''),
      await createRole(database, 'bypassrls'),
    ]
    await database.query(`grant ${bypassing.name} to ${group.name}; grant ${group.name} to ${app.name}`)
    await expectFixable({ connectionString: app.url }, [`can-become-privileged ${bypassing.name}`])
  })

  test('finds that it could make itself one: a membership with ADMIN OPTION is enough', async () => {
    const [app, bypassing] = [await createRole(database, 'login'), await createRole(database, 'bypassrls')]
    // Since 16 a membership may exclude SET ROLE, https://www.postgresql.org/docs/current/sql-grant.html
    const withoutSet = (await serverVersion()) >= 160_000 ? ', set false, inherit false' : ''
    await database.query(
      `grant ${bypassing.name} to ${app.name} with admin ${withoutSet ? 'true' : 'option'}${withoutSet}`,
    )
    await expectFixable({ connectionString: app.url }, [`can-become-privileged ${bypassing.name}`])
  })

  test('does not mind a membership that gives neither SET ROLE nor ADMIN (PostgreSQL 16 and later)', async ({
    skip,
  }) => {
    skip((await serverVersion()) < 160_000, 'before 16 every membership allows SET ROLE')
    const [app, bypassing] = [await createRole(database, 'login'), await createRole(database, 'bypassrls')]
    await database.query(`grant ${bypassing.name} to ${app.name} with set false, inherit false`)
    expect(await verify({ connectionString: app.url })).toEqual([])
  })

  test('does not mind an ordinary role that it is a member of', async () => {
    const [app, group] = [await createRole(database, 'login'), await createRole(database, '')]
    await database.query(`grant ${group.name} to ${app.name}`)
    expect(await verify({ connectionString: app.url })).toEqual([])
  })

  test('finds row-level security that is disabled though there are policies', async () => {
    await withChange(
      'alter table projects disable row level security',
      'alter table projects enable row level security',
    )
    await expectFixable({ connectionString: database.urls.app }, ['rls-inactive public.projects'])
  })

  test('finds row-level security that is not forced', async () => {
    await withChange(
      'alter table projects no force row level security',
      'alter table projects force row level security',
    )
    await expectFixable({ connectionString: database.urls.app }, ['rls-not-forced public.projects'])
  })

  test('finds a table with tenant_id and no row-level security', async () => {
    await withTable('unprotected', 'grant select on unprotected to tenantry_app')
    await expectFixable({ connectionString: database.urls.app }, ['rls-missing public.unprotected'])
  })

  test.each(['select (tenant_id)', 'insert', 'update (label)', 'delete'])(
    'finds such a table if the application may only %s',
    async (privilege) => {
      await withTable('unprotected', `grant ${privilege} on unprotected to tenantry_app`)
      expect(await verify({ connectionString: database.urls.app })).toEqual([
        'rls-missing public.unprotected',
      ])
    },
  )

  test('does not mind such a table if the application cannot reach it, nor one without tenant_id', async () => {
    await withTable('unreachable')
    await withChange('create table shared (id int); grant all on shared to tenantry_app', 'drop table shared')
    expect(await verify({ connectionString: database.urls.app })).toEqual([])
  })

  test('knows the tables of tenants by another column too, if told', async () => {
    await withChange(
      'create table invoices (account_id int); grant select on invoices to tenantry_app',
      'drop table invoices',
    )
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    await expect(pool.verify()).resolves.toBeUndefined()
    await expect(pool.verify({ tenantColumn: 'account_id' })).rejects.toMatchObject({
      findings: [{ code: 'rls-missing', object: 'public.invoices' }],
    })
  })

  test('leaves out the tables it is told to, and no others', async () => {
    await withTable('excepted', 'grant select on excepted to tenantry_app')
    await withTable('unprotected', 'grant select on unprotected to tenantry_app')
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    await expect(pool.verify({ except: ['public.excepted'] })).rejects.toMatchObject({
      findings: [{ code: 'rls-missing', object: 'public.unprotected' }],
    })
    await expect(pool.verify({ except: ['public.excepted', 'public.unprotected'] })).resolves.toBeUndefined()
  })

  test('finds that the application owns a table whose row-level security is not forced', async () => {
    const role = await createRole(database, 'login')
    await withTable(
      'owned',
      `alter table owned enable row level security; alter table owned owner to ${role.name}`,
    )
    await expectFixable({ connectionString: role.url }, ['owns-unforced-table public.owned'])
  })

  test('finds that it owns such a table through a role that it is a member of', async () => {
    const [app, group] = [await createRole(database, 'login'), await createRole(database, '')]
    await database.query(`grant ${group.name} to ${app.name}`)
    await withTable(
      'owned',
      `alter table owned enable row level security; alter table owned owner to ${group.name}`,
    )
    await expectFixable({ connectionString: app.url }, ['owns-unforced-table public.owned'])
  })

  test('names tables and roles so that SQL takes them', async () => {
    const role = await createRole(database, 'login bypassrls', 'Role "quoted" \'x\' ; --')
    await withChange(
      `create schema "My Schema";
       create table "My Schema"."Odd ""table"".x; --" (tenant_id uuid);
       grant usage on schema "My Schema" to ${role.name};
       grant select on "My Schema"."Odd ""table"".x; --" to ${role.name}`,
      'drop schema "My Schema" cascade',
    )
    await expectFixable({ connectionString: role.url }, [
      `bypasses-rls ${role.name}`,
      'rls-missing "My Schema"."Odd ""table"".x; --"',
    ])
  })

  test('looks at partitions for themselves: one that can be reached directly needs row-level security too', async () => {
    await withChange(
      `create table events (tenant_id uuid, at int) partition by range (at);
       create table events_1 partition of events for values from (1) to (2);
       create table events_2 partition of events for values from (2) to (3);
       alter table events enable row level security; alter table events force row level security;
       create policy own on events using (tenant_id = (select tenantry.tenant_id()));
       grant select on events to tenantry_app`,
      'drop table events',
    )
    expect(await verify({ connectionString: database.urls.app })).toEqual([])
    await database.query('grant select on events_2 to tenantry_app')
    await expectFixable({ connectionString: database.urls.app }, ['rls-missing public.events_2'])
  })

  test.each([
    ['ROLE', (role: string) => `role ${role}`],
    ['ROLE IN DATABASE', (role: string) => `role ${role} in database "${database.name}"`],
    ['DATABASE', () => `database "${database.name}"`],
    ['ROLE ALL IN DATABASE', () => `role all in database "${database.name}"`],
  ])('finds a setting preset by ALTER %s', async (_kind, target) => {
    const role = await createRole(database, 'login')
    for (const parameter of ['app.current_tenant_id', 'app.current_user_id']) {
      await withChange(
        `alter ${target(role.name)} set ${parameter} = '00000000-0000-4000-8000-000000000001'`,
        `alter ${target(role.name)} reset ${parameter}`,
      )
    }
    await expectFixable({ connectionString: role.url }, [
      'setting-preset app.current_tenant_id',
      'setting-preset app.current_user_id',
    ])
  })

  test('finds a setting preset in two places, each with its own fix', async () => {
    const role = await createRole(database, 'login')
    for (const target of [`role ${role.name}`, `database "${database.name}"`]) {
      await withChange(
        `alter ${target} set app.current_user_id = 'u1'`,
        `alter ${target} reset app.current_user_id`,
      )
    }
    await expectFixable({ connectionString: role.url }, [
      'setting-preset app.current_user_id',
      'setting-preset app.current_user_id',
    ])
  })

  test('does not mind what is preset for other roles, for other databases, or under other names', async () => {
    const [role, other] = [await createRole(database, 'login'), await createRole(database, 'login')]
    for (const target of [`role ${other.name}`, `role ${role.name} in database postgres`]) {
      await withChange(
        `alter ${target} set app.current_tenant_id = 'x'`,
        `alter ${target} reset app.current_tenant_id`,
      )
    }
    await database.query(`alter role ${role.name} set app.current_tenant_id_2 = 'x'`)
    await database.query(`alter role ${role.name} set search_path = public`)
    expect(await verify({ connectionString: role.url })).toEqual([])
  })

  test('looks for the settings by the names they were declared with, in whatever case', async () => {
    const role = await createRole(database, 'login')
    await database.query(`alter role ${role.name} set my_app.tenant = 'x'`)
    const tenancy = createTenancy({ tenantId: 'text', settings: { tenantId: 'My_App.Tenant' } })
    const pool = endAfterTest(new TenantPool({ tenancy, connectionString: role.url, max: 1 }))
    const findings = await findingsOf(pool)
    expect(findings.map(({ code }) => code)).toEqual(['setting-preset'])
    for (const { fix } of findings) await database.query(fix)
    const next = endAfterTest(new TenantPool({ tenancy, connectionString: role.url, max: 1 }))
    expect(await findingsOf(next)).toEqual([])
  })

  test('finds that the system role cannot cross tenants', async () => {
    const role = await createRole(database, 'login')
    await expectFixable({ connectionString: database.urls.app, system: { connectionString: role.url } }, [
      `system-cannot-cross ${role.name}`,
    ])
  })

  test('reports everything at once, in one error that says it all', async () => {
    const events = listenTo<RefusedEvent>('tenantry:refused')
    const [app, bypassing, system] = [
      await createRole(database, 'login bypassrls'),
      await createRole(database, 'bypassrls'),
      await createRole(database, 'login'),
    ]
    await database.query(`grant ${bypassing.name} to ${app.name}`)
    await database.query(`alter role ${app.name} set app.current_user_id = 'u1'`)
    await withTable('unprotected', `grant select on unprotected to ${app.name}`)
    await withTable('unforced', `alter table unforced enable row level security`)
    await withTable(
      'owned',
      `alter table owned enable row level security; alter table owned owner to ${app.name}`,
    )
    await withTable('disabled', `create policy own on disabled using (true)`)
    const options = { connectionString: app.url, system: { connectionString: system.url } }
    const expected = [
      `bypasses-rls ${app.name}`,
      `can-become-privileged ${bypassing.name}`,
      'rls-missing public.unprotected',
      'rls-not-forced public.unforced',
      'owns-unforced-table public.owned',
      'rls-inactive public.disabled',
      'setting-preset app.current_user_id',
      `system-cannot-cross ${system.name}`,
    ]
    const error: unknown = await openPool({ max: 1, ...options })
      .verify()
      .catch((failure: unknown) => failure)
    expect(error).toBeInstanceOf(UnsafeDatabaseError)
    expect(TenantryError.isInstance(error) && error.code).toBe('UNSAFE_DATABASE')
    const { findings, message } = error as UnsafeDatabaseError
    for (const finding of findings) {
      expect(message).toContain(finding.message)
      expect(message).toContain(finding.fix)
    }
    expect(Object.isFrozen(findings)).toBe(true)
    expect(events.map(({ code }) => code)).toEqual(['UNSAFE_DATABASE'])
    await expectFixable(options, expected)
  })
})
