import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { queryAs } from '../../src/postgres/query-as.ts'
import { startPostgres } from '../../src/postgres/start-postgres.ts'
import type { TestPostgres } from '../../src/postgres/test-postgres.ts'
import { refusal } from './refusal.ts'

// Roles belong to the whole server, so these tests have one that they can spoil.
let server: TestPostgres

beforeAll(async () => {
  server = await startPostgres({ provider: 'embedded' })
})

afterAll(async () => {
  await server?.stop()
})

/** The connection string of another role on the server. */
function urlOf(role: string, password: string): string {
  const url = new URL(server.url)
  url.username = role
  url.password = password
  url.searchParams.delete('application_name')
  return url.href
}

describe('the roles', () => {
  it('have exactly the attributes that the tests rely on', async () => {
    const roles = await queryAs(
      server.url,
      `select rolname, rolcanlogin, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication
       from pg_roles where rolname like 'tenantry%' order by rolname`,
    )
    const plain = {
      rolcanlogin: true,
      rolsuper: false,
      rolbypassrls: false,
      rolcreatedb: false,
      rolcreaterole: false,
      rolreplication: false,
    }
    expect(roles).toEqual([
      { ...plain, rolname: 'tenantry_app' },
      { ...plain, rolname: 'tenantry_owner' },
      { ...plain, rolname: 'tenantry_system', rolbypassrls: true },
    ])
    const members = `select from pg_auth_members where member::regrole::text like 'tenantry%'`
    await expect(queryAs(server.url, members)).resolves.toEqual([])
  })

  it('can be made and ensured by several runs at once', async () => {
    await queryAs(server.url, 'drop role tenantry_app; drop role tenantry_owner; drop role tenantry_system')
    const runs = await Promise.all(Array.from({ length: 6 }, () => startPostgres({ url: server.url })))
    const [row] = await queryAs(
      server.url,
      `select count(*)::int as roles from pg_roles where rolname like 'tenantry%'`,
    )
    expect(row).toEqual({ roles: 3 })
    for (const run of runs) await run.stop()
  })

  it.for([
    ['alter role tenantry_app bypassrls', 'alter role tenantry_app NOBYPASSRLS'],
    ['alter role tenantry_app superuser createdb', 'alter role tenantry_app NOSUPERUSER'],
    ['alter role tenantry_system nobypassrls', 'alter role tenantry_system BYPASSRLS'],
    ['grant tenantry_owner to tenantry_app', 'revoke tenantry_owner from tenantry_app'],
  ])('are refused after %s', async ([spoil = '', repair = '']) => {
    await queryAs(server.url, spoil)
    const { code, message } = await refusal(startPostgres({ url: server.url }))
    expect(code).toBe('POSTGRES_UNAVAILABLE')
    expect(message).toContain(repair)

    // The error says how to repair it, and that is true.
    await queryAs(server.url, message.slice(message.indexOf('with: ') + 'with: '.length, -1))
    await (await startPostgres({ url: server.url })).stop()
  })
})

describe('the role that the server is used as', () => {
  it('is refused unless it may make databases and roles and sees every row', async () => {
    await queryAs(server.url, `create role limited login createdb createrole password 'limited'`)
    const error = await refusal(startPostgres({ url: urlOf('limited', 'limited') }))
    expect(error.code).toBe('POSTGRES_UNAVAILABLE')
    expect(error.message).toMatch(/"limited" is not a superuser.*CREATEDB, CREATEROLE and BYPASSRLS/)
  })

  it('needs not be a superuser from PostgreSQL 16 on', async ({ skip }) => {
    const [version] = await queryAs(server.url, `select current_setting('server_version_num')::int as number`)
    if (Number(version?.['number']) < 160_000) skip('before 16 only a superuser can')
    // The roles of this server were made by its superuser, whose business they are.
    await queryAs(server.url, 'drop role tenantry_app; drop role tenantry_owner; drop role tenantry_system')
    await queryAs(
      server.url,
      `create role administrator login createdb createrole bypassrls password 'administrator'`,
    )

    const administered = await startPostgres({ url: urlOf('administrator', 'administrator') })
    const setup = `create table notes (text text);
      alter table notes enable row level security; alter table notes force row level security;
      grant select, insert on notes to tenantry_app, tenantry_system`
    const database = await administered.createDatabase({ template: 'notes', setup })
    await database.query(`insert into notes values ('seen by those who bypass')`)
    await expect(database.query('select * from notes')).resolves.toHaveLength(1)
    await expect(queryAs(database.urls.system, 'select * from notes')).resolves.toHaveLength(1)
    await expect(queryAs(database.urls.app, 'select * from notes')).resolves.toHaveLength(0)
    const [again] = await Promise.all([administered.createDatabase({ template: 'notes' }), database.drop()])
    await again.drop()
    await administered.stop()
    await expect(
      queryAs(server.url, `select datname from pg_database where datname ~ '^tenantry'`),
    ).resolves.toEqual([])
  })
})
