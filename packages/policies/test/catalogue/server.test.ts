import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Catalogue } from '../../src/catalogue/catalogue.ts'
import { readCatalogue } from '../../src/catalogue/read-catalogue.ts'
import { openDatabase, type OpenDatabase } from '../support/open-database.ts'
import { grantLines, only } from './support/find.ts'

const suffix = randomBytes(4).toString('hex')
const group = `catalogue_group_${suffix}`
const member = `Catalogue member ${suffix}`
const maker = `catalogue_maker_${suffix}`

let opened: OpenDatabase
let catalogue: Catalogue

beforeAll(async () => {
  opened = await openDatabase('catalogue-server', 'create schema tenantry; create schema "Other one"')
  await opened.superuser(`
    create role ${group} noinherit bypassrls;
    create role "${member}" login noinherit;
    create role ${maker} superuser createrole createdb replication;
    grant ${group} to "${member}" with admin option;
    grant pg_read_all_data to "${member}";
    grant ${group} to ${maker};
  `)
  catalogue = await readCatalogue(opened.owner)
})

afterAll(async () => {
  await opened.superuser(`drop role "${member}"; drop role ${maker}; drop role ${group}`)
  await opened.close()
})

it('names the server, the database and the role that reads', async () => {
  const { rows } = await opened.owner(`select current_setting('server_version_num')::int as version`)
  expect(catalogue).toMatchObject({
    serverVersion: rows[0]?.['version'],
    currentRole: 'tenantry_owner',
    database: { name: opened.database.name, owner: expect.any(String) },
  })
  expect(grantLines(catalogue.database.grants).join()).not.toContain('public:')
  expect((await readCatalogue(opened.app)).currentRole).toBe('tenantry_app')
})

it('reads the schemas asked for and tenantry, each once', async () => {
  const names = async (schemas?: readonly string[]): Promise<readonly string[]> => {
    const read = await readCatalogue(opened.owner, schemas && { schemas })
    return read.schemas.map(({ name }) => name)
  }
  expect(await names()).toEqual(['public', 'tenantry'])
  expect(await names(['Other one', 'public', 'Other one'])).toEqual(['Other one', 'public', 'tenantry'])
  expect(await names(['tenantry'])).toEqual(['tenantry'])
  expect(only(catalogue.schemas, 'public')).toMatchObject({ owner: 'tenantry_owner' })
})

it('gives the attributes of roles', () => {
  expect(only(catalogue.roles, group)).toEqual({
    name: group,
    superuser: false,
    bypassRowSecurity: true,
    login: false,
    inherit: false,
    createRole: false,
    createDatabase: false,
    replication: false,
    memberOf: [],
  })
  expect(only(catalogue.roles, maker)).toMatchObject({
    superuser: true,
    bypassRowSecurity: false,
    inherit: true,
    createRole: true,
    createDatabase: true,
    replication: true,
  })
  expect(only(catalogue.roles, 'tenantry_system')).toMatchObject({ bypassRowSecurity: true, login: true })
})

it('gives memberships, those in predefined roles too, though these are not listed themselves', () => {
  expect(only(catalogue.roles, member)).toMatchObject({
    login: true,
    inherit: false,
    memberOf: [
      { role: group, admin: true, inherit: false, set: true },
      { role: 'pg_read_all_data', admin: false, inherit: false, set: true },
    ],
  })
  expect(only(catalogue.roles, maker).memberOf).toEqual([
    { role: group, admin: false, inherit: true, set: true },
  ])
  expect(catalogue.roles.filter(({ name }) => name.startsWith('pg_'))).toEqual([])
})

it('gives what a membership allows where it was granted with options of its own', async ({ skip }) => {
  skip(catalogue.serverVersion < 160_000, 'they came with PostgreSQL 16')
  await opened.superuser(`grant ${group} to ${maker} with inherit false, set false`)
  expect(only((await readCatalogue(opened.owner)).roles, maker).memberOf).toEqual([
    { role: group, admin: false, inherit: false, set: false },
  ])
})

it('may be read by a role without any rights', async () => {
  await opened.owner('create table closed (id int); revoke all on closed from tenantry_owner')
  const { tables } = await readCatalogue(opened.app)
  expect(tables.map(({ name }) => name)).toEqual(['closed'])
})
