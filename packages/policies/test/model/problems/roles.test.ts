import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Catalogue } from '../../../src/catalogue/catalogue.ts'
import { defineTenancy } from '../../../src/model/define-tenancy.ts'
import { resolveTenancy } from '../../../src/model/resolve-tenancy.ts'
import { expectOne, type Finder, openFinder, TENANTS } from './finding.ts'

let finder: Finder

beforeAll(async () => {
  finder = await openFinder('problems_roles')
})
afterAll(() => finder.close())

describe('roles', () => {
  const name = (role: string) => `model_${role}_${suffix}`
  const suffix = randomBytes(4).toString('hex')
  const made = ['super', 'bypass', 'replication', 'plain', 'member', 'deep', 'files', 'owner', 'admin']

  beforeAll(async () => {
    await finder.database.superuser(`
      CREATE ROLE ${name('super')} SUPERUSER; CREATE ROLE ${name('bypass')} BYPASSRLS;
      CREATE ROLE ${name('replication')} REPLICATION; CREATE ROLE ${name('plain')}; CREATE ROLE ${name('owner')};
      CREATE ROLE ${name('member')} NOINHERIT IN ROLE ${name('bypass')};
      CREATE ROLE ${name('deep')} IN ROLE ${name('member')};
      CREATE ROLE ${name('files')}; GRANT pg_execute_server_program TO ${name('files')};
      CREATE ROLE ${name('admin')}; GRANT ${name('owner')} TO ${name('admin')} WITH ADMIN OPTION`)
  })
  afterAll(async () => {
    await finder.read('SELECT 1')
    await finder.database.superuser(`DROP ROLE ${made.map(name).join(', ')}`)
  })

  test.each([
    ['super', 'is SUPERUSER', 'NOSUPERUSER'],
    ['bypass', 'is BYPASSRLS', 'NOBYPASSRLS'],
    ['replication', 'is REPLICATION', 'NOREPLICATION'],
  ])('the application as %s', async (role, message, fix) => {
    expectOne(await finder.problems(TENANTS, { roles: { app: name(role) } }), {
      code: 'UNSAFE_ROLE',
      object: `role ${name(role)}`,
      message,
      fix: `ALTER ROLE ${name(role)} ${fix}`,
    })
  })

  test.each([
    ['member', ['bypass'], 'is BYPASSRLS'],
    ['deep', ['member', 'bypass'], 'is BYPASSRLS'],
    ['files', ['pg_execute_server_program'], "reaches the server's files"],
  ])('the application as %s, which can act as another', async (role, way, message) => {
    const roles = way.map((each) => (each.startsWith('pg_') ? each : name(each)))
    const [found, ...others] = await finder.problems(TENANTS, { roles: { app: name(role) } })
    expect(others).toEqual([])
    expect(found).toMatchObject({ code: 'UNSAFE_ROLE', object: `role ${name(role)}` })
    expect(found?.message).toContain([name(role), ...roles].join(' -> '))
    expect(found?.message).toContain(message)
    expect(found?.fix).toContain(`REVOKE ${roles[0] ?? ''} FROM ${name(role)}`)
  })

  test('the application as the owner of tables, unless they get another one', async () => {
    const sql = `${TENANTS} CREATE TABLE a (tenant_id uuid); CREATE TABLE x (id int);
      GRANT USAGE, CREATE ON SCHEMA public TO ${name('owner')}; SET ROLE ${name('owner')};
      CREATE TABLE b (tenant_id uuid)`
    const tables = { x: 'excluded' } as const
    const [tablesFirst, thenSchema] = await finder.problems(sql, { tables, roles: { app: 'tenantry_owner' } })
    expect(tablesFirst).toMatchObject({ code: 'UNSAFE_ROLE', object: 'role tenantry_owner' })
    expect(tablesFirst?.message).toContain('owns public.a, public.tenants')
    expect(tablesFirst?.fix).toContain('roles: { owner: ')
    expect(thenSchema?.message).toContain('owns schema public')
    expectOne(await finder.problems(sql, { tables, roles: { app: name('admin') } }), {
      code: 'UNSAFE_ROLE',
      object: `role ${name('admin')}`,
      message: `${name('owner')} owns public.b`,
      fix: `REVOKE ${name('owner')} FROM ${name('admin')}`,
    })
    const tenancy = defineTenancy({
      tenantTable: 'tenants',
      tables,
      roles: { app: name('owner'), owner: 'tenantry_owner' },
    })
    const catalogue = await finder.read(sql)
    expect(resolveTenancy(tenancy, catalogue).tenantTables).toHaveLength(3)
  })

  test('the application as the owner of the schema, in which it could drop every table', async () => {
    const roles = { app: name('plain'), owner: 'tenantry_owner' }
    const ownedBy = ({ schemas }: Catalogue, owner: string): Partial<Catalogue> => ({
      schemas: schemas.map((schema) => Object.assign({}, schema, { owner })),
    })
    const unsafe = { code: 'UNSAFE_ROLE', object: `role ${name('plain')}` }
    const ofSchema = (catalogue: Catalogue): Partial<Catalogue> => ownedBy(catalogue, name('plain'))
    expectOne(await finder.problems(TENANTS, { roles }, { change: ofSchema }), {
      ...unsafe,
      message: 'owns schema public',
      fix: 'ALTER SCHEMA public OWNER TO tenantry_owner',
    })
    const ofDatabase = (catalogue: Catalogue): Partial<Catalogue> => ({
      ...ownedBy(catalogue, 'pg_database_owner'),
      database: { ...catalogue.database, owner: name('plain') },
    })
    expectOne(await finder.problems(TENANTS, { roles }, { change: ofDatabase }), {
      ...unsafe,
      message: 'owns the database',
      fix: `ALTER DATABASE ${finder.database.database.name} OWNER TO tenantry_owner`,
    })
  })

  test('an owner that does not exist', async () => {
    expectOne(await finder.problems(TENANTS, { roles: { owner: 'tenantry_onwer' } }), {
      code: 'UNKNOWN_ROLE',
      object: 'role tenantry_onwer',
      message: 'Did you mean "tenantry_owner"?',
      fix: 'CREATE ROLE tenantry_onwer',
    })
  })

  test('a system role that would see nothing', async () => {
    expectOne(await finder.problems(TENANTS, { roles: { system: name('plain') } }), {
      code: 'UNSAFE_ROLE',
      object: `role ${name('plain')}`,
      message: 'which has no BYPASSRLS: it would see no rows',
      fix: `ALTER ROLE ${name('plain')} BYPASSRLS`,
    })
  })

  test('roles that do not exist yet are for the plan to make', async () => {
    const tenancy = defineTenancy({
      tenantTable: 'tenants',
      roles: { app: name('later'), system: name('later_too') },
    })
    expect(resolveTenancy(tenancy, await finder.read(TENANTS)).root.column).toBe('id')
  })
})
