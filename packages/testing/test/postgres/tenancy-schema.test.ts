import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { seedTenants } from '../../src/postgres/seed-tenants.ts'
import type { SeededTenant } from '../../src/postgres/seed-tenants.ts'
import { tenancySchema } from '../../src/postgres/tenancy-schema.ts'
import type { TestDatabase } from '../../src/postgres/test-database.ts'
import { connectToPostgres } from '../../src/postgres/test-postgres.ts'

const server = connectToPostgres(inject('postgresUrl'))
let database: TestDatabase
let client: pg.Client
let acme: SeededTenant
let globex: SeededTenant

beforeAll(async () => {
  database = await server.createDatabase({ name: 'schema', setup: tenancySchema() })
  ;({ acme, globex } = await seedTenants(database.query))
  client = new pg.Client({ connectionString: database.urls.app })
  await client.connect()
})

afterAll(async () => {
  await client?.end()
  await database?.drop()
})

/** Runs a statement as the application, for a tenant, in a transaction that is rolled back. */
async function asTenant(
  tenantId: string,
  text: string,
  values: unknown[] = [],
  setting = 'app.current_tenant_id',
) {
  await client.query('begin')
  try {
    await client.query('select set_config($1, $2, true)', [setting, tenantId])
    return (await client.query(text, values)).rows as Record<string, unknown>[]
  } finally {
    await client.query('rollback')
  }
}

const tables = ['tenants', 'users', 'projects', 'tasks']

describe('tenancySchema', () => {
  it.for(tables)('shows a tenant its own rows of %s and the superuser all', async (table) => {
    const tenantOf = table === 'tenants' ? 'id' : 'tenant_id'
    const text = `select distinct ${tenantOf} as tenant from ${table}`
    await expect(asTenant(acme.id, text)).resolves.toEqual([{ tenant: acme.id }])
    await expect(asTenant(globex.id, text)).resolves.toEqual([{ tenant: globex.id }])
    expect(new Set((await database.query(text)).map(({ tenant }) => tenant))).toEqual(
      new Set([acme.id, globex.id]),
    )
  })

  it.for(tables)('shows nothing of %s without a tenant, before and after one was there', async (table) => {
    const fresh = new pg.Client({ connectionString: database.urls.app })
    await fresh.connect()
    expect((await fresh.query(`select * from ${table}`)).rows).toEqual([])
    await fresh.query(`begin; select set_config('app.current_tenant_id', '${acme.id}', true); commit`)
    expect((await fresh.query(`select * from ${table}`)).rows).toEqual([])
    await fresh.end()
  })

  it('lets a tenant change nothing of another one', async () => {
    await expect(asTenant(acme.id, `update projects set name = 'taken' returning id`)).resolves.toHaveLength(
      2,
    )
    await expect(asTenant(acme.id, 'delete from tasks returning tenant_id')).resolves.toEqual(
      [acme, acme, acme].map(({ id }) => ({ tenant_id: id })),
    )
    const insert = `insert into projects (tenant_id, name) values ($1, 'planted')`
    await expect(asTenant(acme.id, insert, [globex.id])).rejects.toThrow('row-level security policy')
    const move = 'update projects set tenant_id = $1'
    await expect(asTenant(acme.id, move, [globex.id])).rejects.toThrow('row-level security policy')
    const reference = `insert into tasks (project_id, title) values ($1, 'reaching over')`
    await expect(asTenant(acme.id, reference, [globex.projectIds[0]])).rejects.toMatchObject({
      code: '23503',
    })
  })

  it('keeps its floor under a policy that admits everything', async () => {
    const wide = 'create policy support on projects for select to tenantry_app using (true)'
    await database.query(wide)
    await expect(asTenant(acme.id, 'select tenant_id from projects')).resolves.toEqual(
      [acme, acme].map(({ id }) => ({ tenant_id: id })),
    )
    await database.query('drop policy tenantry_floor on projects')
    await expect(asTenant(acme.id, 'select tenant_id from projects'), 'without it').resolves.toHaveLength(4)
  })

  it('fills in the tenant and lets a new one make itself', async () => {
    const inserted = `insert into projects (name) values ('new') returning tenant_id, status`
    await expect(asTenant(acme.id, inserted)).resolves.toEqual([{ tenant_id: acme.id, status: 'active' }])
    const id = randomUUID()
    const onboarding = `insert into tenants (id, name) values ($1, 'initech') returning id`
    await expect(asTenant(id, onboarding, [id])).resolves.toEqual([{ id }])
    await expect(asTenant(acme.id, onboarding, [id])).rejects.toThrow('row-level security policy')
  })

  it('shares plans with everybody, to read', async () => {
    await expect(client.query('select * from plans order by id')).resolves.toMatchObject({
      rows: [
        { id: 1, name: 'free' },
        { id: 2, name: 'team' },
      ],
    })
    await expect(client.query(`update plans set name = 'mine'`)).rejects.toThrow(
      'permission denied for table plans',
    )
  })

  it('gives the application no right that policies do not govern', async () => {
    const rows = await database.query(
      `select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
       and has_table_privilege('tenantry_app', oid, 'truncate, references, trigger')`,
    )
    expect(rows).toEqual([])
    await expect(
      database.query(
        `select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
         and not (relrowsecurity and relforcerowsecurity)`,
      ),
    ).resolves.toEqual([{ relname: 'plans' }])
  })

  it.for([
    { tenantId: 'bigint', ids: { acme: '9007199254740993', globex: '2' } },
    { tenantId: 'text', ids: { acme: `it's "acme"`, globex: 'globex' } },
  ] as const)('takes $tenantId for tenant ids, and another setting', async ({ tenantId, ids }) => {
    const setup = tenancySchema({ tenantId, setting: 'my_app.tenant' })
    const other = await server.createDatabase({ name: tenantId, setup })
    const tenants = await seedTenants(other.query, ids)
    const single = new pg.Client({ connectionString: other.urls.app })
    await single.connect()
    await single.query('begin')
    await single.query('select set_config($1, $2, true)', ['my_app.tenant', ids.acme])
    const { rows } = await single.query<{ tenant: string; id: string }>(
      'select tenant_id::text as tenant, id from projects',
    )
    expect(rows.map(({ id }) => id).sort()).toEqual([...tenants.acme.projectIds].sort())
    expect(new Set(rows.map(({ tenant }) => tenant))).toEqual(new Set([ids.acme]))
    await single.query('rollback')
    expect((await single.query('select * from projects')).rows).toEqual([])
    await single.end()
    await other.drop()
  })

  it.for(['tenant', `app.x', true); drop table tenants; --`, ''])('refuses the setting %j', (setting) => {
    expect(() => tenancySchema({ setting })).toThrow(expect.objectContaining({ code: 'INVALID_SETTING' }))
  })
})
