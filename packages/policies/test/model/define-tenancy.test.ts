import { expect, test } from 'vitest'
import { defineTenancy } from '../../src/model/define-tenancy.ts'
import type { TenancyOptions } from '../../src/model/tenancy.ts'
import { errorOf } from './schema-reader.ts'

function messageOf(options: unknown): string {
  const error = errorOf(() => defineTenancy(options as TenancyOptions))
  expect(error.code).toBe('INVALID_TENANCY')
  return error.message
}

test('the tenant table alone is enough', () => {
  expect(defineTenancy({ tenantTable: 'tenants' })).toEqual({
    tenantTable: 'tenants',
    tenantId: undefined,
    column: 'tenant_id',
    setting: 'app.current_tenant_id',
    roles: { app: 'tenantry_app', owner: undefined, system: undefined },
    schemas: ['public'],
    tables: new Map(),
    primaryKeys: 'composite',
    updateGrants: 'table',
  })
})

test('the schema of the tenant table is the one that takes part', () => {
  expect(defineTenancy({ tenantTable: 'crm.companies' }).schemas).toEqual(['crm'])
  expect(defineTenancy({ tenantTable: 'crm.companies', schemas: ['crm', 'billing'] }).schemas).toEqual([
    'crm',
    'billing',
  ])
})

test('everything that can be given is kept, a kind alone written out', () => {
  const tenancy = defineTenancy({
    tenantTable: 'companies',
    tenantId: 'bigint',
    column: 'company_id',
    setting: 'App.Company_Id',
    roles: { app: 'crm', owner: 'crm_owner', system: 'crm_jobs' },
    tables: {
      countries: 'shared',
      rates: { kind: 'shared', writable: true },
      comments: { kind: 'child', through: ['task', 'nr'], queries: [['task', 'at']], primaryKey: 'keep' },
      users: { kind: 'tenant', column: 'company', globalKeys: ['users_email_key'] },
      templates: { kind: 'shared+tenant', column: 'owner_company' },
      jobs: 'excluded',
    },
    primaryKeys: 'keep',
    updateGrants: 'columns',
  })
  expect(tenancy).toMatchObject({
    tenantId: 'bigint',
    column: 'company_id',
    // As @tenantry/core sends it.
    setting: 'app.company_id',
    roles: { app: 'crm', owner: 'crm_owner', system: 'crm_jobs' },
    primaryKeys: 'keep',
    updateGrants: 'columns',
  })
  expect([...tenancy.tables]).toEqual([
    ['countries', { kind: 'shared' }],
    ['rates', { kind: 'shared', writable: true }],
    ['comments', { kind: 'child', through: ['task', 'nr'], queries: [['task', 'at']], primaryKey: 'keep' }],
    ['users', { kind: 'tenant', column: 'company', globalKeys: ['users_email_key'] }],
    ['templates', { kind: 'shared+tenant', column: 'owner_company' }],
    ['jobs', { kind: 'excluded' }],
  ])
})

test('what came out cannot be changed, nor does it follow what went in', () => {
  const queries = [['project_id']]
  const tables = { tasks: { kind: 'tenant' as const, queries } }
  const tenancy = defineTenancy({ tenantTable: 'tenants', tables })
  queries[0]?.push('status')
  queries.push(['other'])
  expect(tenancy.tables.get('tasks')).toEqual({ kind: 'tenant', queries: [['project_id']] })
  const map = tenancy.tables as Map<string, unknown>
  expect(() => map.set('tasks', { kind: 'excluded' })).toThrow('cannot be changed')
  expect(() => map.delete('tasks')).toThrow('cannot be changed')
  expect(() => map.clear()).toThrow('cannot be changed')
  expect(tenancy.tables.size).toBe(1)
  for (const part of [tenancy, tenancy.roles, tenancy.schemas, tenancy.tables.get('tasks')]) {
    expect(Object.isFrozen(part)).toBe(true)
  }
})

test('all mistakes are told at once', () => {
  const message = messageOf({
    tenantTabel: 'tenants',
    column: '',
    setting: 'tenant',
    roles: { app: 'one', system: 'one' },
    tables: { tasks: 'chidl', notes: { kind: 'tenant', through: 'task_id' } },
  })
  expect(message).toContain('for 7 reasons')
  expect(message.split('\n- ').slice(1)).toEqual([
    'defineTenancy() has no option "tenantTabel". Did you mean "tenantTable"?',
    'tenantTable is missing. Give the name of the table with one row a tenant.',
    'tables["tasks"] is "chidl". Did you mean "child"?',
    'tables["notes"] is of kind "tenant", which has no option "through": that is for "child". Leave it out, or give the kind that is meant.',
    'column is an empty name. Give the name as the catalogue has it.',
    expect.stringContaining('setting is "tenant", which is no name for a PostgreSQL setting'),
    expect.stringContaining('roles.app and roles.system are both "one"'),
  ])
})

test.each([
  [undefined, 'The argument is undefined. Give an object.'],
  [null, 'The argument is null. Give an object.'],
  ['tenants', 'The argument is "tenants". Give an object.'],
  [[], 'The argument is []. Give an object.'],
  [{}, 'tenantTable is missing'],
  [{ tenantTable: 7 }, 'tenantTable is 7. Give a name.'],
  [{ tenantTable: '' }, 'tenantTable is an empty name'],
  [{ tenantTable: null }, 'tenantTable is null'],
  [{ tenantTable: 'a\0b' }, 'with a NUL character'],
  [{ tenantTable: 'x'.repeat(64) }, '64 bytes long: PostgreSQL cuts names after 63 bytes'],
  [{ tenantTable: `${'x'.repeat(64)}.t` }, '66 bytes long'],
  [{ tenantTable: `public.${'é'.repeat(32)}` }, '71 bytes long'],
  [{ tenantTable: 't', tenantId: 'int8' }, 'tenantId is "int8". Did you mean "bigint"?'],
  [{ tenantTable: 't', tenantId: 'uuuid' }, 'tenantId is "uuuid". Did you mean "uuid"?'],
  [{ tenantTable: 't', tenantId: 'json' }, 'Give "uuid", "bigint", "integer", "smallint" or "text".'],
  [{ tenantTable: 't', tenantId: {} }, 'tenantId is an object'],
  [{ tenantTable: 't', column: 'c'.repeat(64) }, 'column is "'],
  [{ tenantTable: 't', setting: '1app.tenant' }, 'setting is "1app.tenant"'],
  [{ tenantTable: 't', setting: "app.x'; DROP TABLE y; --" }, 'is no name for a PostgreSQL setting'],
  [{ tenantTable: 't', setting: 'app.' }, 'is no name for a PostgreSQL setting'],
  [{ tenantTable: 't', setting: `app.${'x'.repeat(60)}` }, 'setting is 64 letters long'],
  [{ tenantTable: 't', setting: 'plpgsql.tenant' }, 'keeps "plpgsql." to itself'],
  [{ tenantTable: 't', roles: 'app' }, 'roles is "app". Give an object.'],
  [{ tenantTable: 't', roles: { application: 'a' } }, 'There are "app", "owner" and "system".'],
  [{ tenantTable: 't', roles: { ap: 'a' } }, 'roles has no option "ap". Did you mean "app"?'],
  [{ tenantTable: 't', roles: { app: 'pg_monitor' } }, 'which PostgreSQL keeps to itself'],
  [{ tenantTable: 't', roles: { app: 'public' } }, 'which PostgreSQL keeps to itself'],
  [
    { tenantTable: 't', roles: { owner: 'tenantry_app' } },
    'roles.app and roles.owner are both "tenantry_app"',
  ],
  [{ tenantTable: 't', roles: { owner: 'x', system: 'x' } }, 'roles.owner and roles.system are both "x"'],
  [{ tenantTable: 't', schemas: [] }, 'schemas is an empty list'],
  [{ tenantTable: 't', schemas: 'public' }, 'schemas is "public". Give a list of schemas.'],
  [{ tenantTable: 't', schemas: ['a', 'a'] }, 'schemas names "a" twice'],
  [{ tenantTable: 't', schemas: ['a', ''] }, 'schemas[1] is an empty name'],
  [{ tenantTable: 't', schemas: ['tenantry'] }, "for Tenantry's own objects"],
  [{ tenantTable: 't', schemas: ['pg_catalog'] }, "PostgreSQL's own"],
  [{ tenantTable: 't', tables: [] }, 'tables is []. Give an object.'],
  [{ tenantTable: 't', tables: new Map() }, 'tables is a Map. Give an object.'],
  [{ tenantTable: 't', tables: { '': 'shared' } }, 'tables: the name "" is an empty name'],
  [{ tenantTable: 't', tables: { t: 'tenant' } }, 'which is the tenant table itself'],
  [{ tenantTable: 't', tables: { a: 1 } }, 'tables["a"] is 1. Give a kind'],
  [{ tenantTable: 't', tables: { a: {} } }, 'tables["a"] has no kind'],
  [
    { tenantTable: 't', tables: { a: { kind: 'shard' } } },
    'tables["a"].kind is "shard". Did you mean "shared"?',
  ],
  [{ tenantTable: 't', tables: { a: { kind: 'child', trough: 'x' } } }, 'Did you mean "through"?'],
  [{ tenantTable: 't', tables: { a: { kind: 'tenant', trough: 'x' } } }, 'Did you mean "through"?'],
  [{ tenantTable: 't', tables: { a: { kind: 'child', through: '' } } }, '.through is an empty name'],
  [{ tenantTable: 't', tables: { a: { kind: 'child', through: [] } } }, '.through is an empty list'],
  [{ tenantTable: 't', tables: { a: { kind: 'child', through: [1] } } }, '.through[0] is 1'],
  [{ tenantTable: 't', tables: { a: { kind: 'shared', writable: 'yes' } } }, 'Give true or false'],
  [{ tenantTable: 't', tables: { a: { kind: 'shared', column: 'x' } } }, 'that is for "tenant", "child" or'],
  [{ tenantTable: 't', tables: { a: { kind: 'tenant', queries: [[]] } } }, '.queries[0] is an empty list'],
  [{ tenantTable: 't', tables: { a: { kind: 'tenant', queries: ['x'] } } }, '.queries[0] is "x"'],
  [
    { tenantTable: 't', tables: { a: { kind: 'tenant', queries: 'x' } } },
    '.queries is "x". Give lists of columns',
  ],
  [{ tenantTable: 't', tables: { a: { kind: 'tenant', queries: [['x', 'x']] } } }, 'names "x" twice'],
  [
    { tenantTable: 't', tables: { a: { kind: 'tenant', globalKeys: 'x' } } },
    'a list of names of unique keys',
  ],
  [
    { tenantTable: 't', tables: { a: { kind: 'tenant', primaryKey: 'single' } } },
    'Give "composite" or "keep"',
  ],
  [
    { tenantTable: 't', tables: { a: { kind: 'shared+tenant', primaryKey: 'composite' } } },
    'rows without a tenant',
  ],
  [{ tenantTable: 't', primaryKeys: 'both' }, 'primaryKeys is "both". Give "composite" or "keep".'],
  [{ tenantTable: 't', updateGrants: 'tables' }, 'updateGrants is "tables". Did you mean "table"?'],
])('%j is refused with what to write instead', (options, message) => {
  expect(messageOf(options)).toContain(message)
})

test('a long value is not repeated in full', () => {
  expect(messageOf({ tenantTable: 't', setting: 'x'.repeat(10_000) }).length).toBeLessThan(300)
})

test('an option that is undefined was not given', () => {
  const options = {
    tenantTable: 'tenants',
    column: undefined,
    tables: { a: { kind: 'tenant', queries: undefined } },
  }
  expect(defineTenancy(options as unknown as TenancyOptions)).toEqual(
    defineTenancy({ tenantTable: 'tenants', tables: { a: 'tenant' } }),
  )
})

test('a table may be called __proto__ or constructor', () => {
  const tables = { ['__proto__']: 'shared', constructor: 'excluded', toString: 'child' } as const
  const tenancy = defineTenancy({ tenantTable: 'tenants', tables })
  expect([...tenancy.tables.keys()]).toEqual(['__proto__', 'constructor', 'toString'])
  expect(defineTenancy({ tenantTable: 'tenants' }).tables.get('constructor')).toBeUndefined()
})

test('a prototype brings in no options and no tables', () => {
  // Written like this it sets the prototype, and the table would silently be left out.
  const tables = { __proto__: { kind: 'excluded' } } as never
  expect(messageOf({ tenantTable: 'tenants', tables })).toContain("is written ['__proto__']")
  const options = Object.assign(Object.create({ column: 'other' }), { tenantTable: 'tenants' })
  expect(messageOf(options)).toContain('The argument has a prototype of its own')
  const parsed = JSON.parse('{"tenantTable":"tenants","__proto__":{"column":"other"}}') as TenancyOptions
  expect(messageOf(parsed)).toContain('has no option "__proto__"')
  expect(({} as Record<string, unknown>)['column']).toBeUndefined()
  expect(defineTenancy(Object.assign(Object.create(null), { tenantTable: 'tenants' })).column).toBe(
    'tenant_id',
  )
})

test('names may hold dots, quotes and anything else that PostgreSQL takes', () => {
  const longest = `${'s'.repeat(63)}.${'t'.repeat(63)}`
  const tenancy = defineTenancy({
    tenantTable: longest,
    column: 'the "tenant"; DROP',
    tables: { 'a.b.c': 'shared', 'x"y': 'shared', ' ': 'shared' },
  })
  expect(tenancy.schemas).toEqual(['s'.repeat(63)])
  expect([...tenancy.tables.keys()]).toEqual(['a.b.c', 'x"y', ' '])
})
