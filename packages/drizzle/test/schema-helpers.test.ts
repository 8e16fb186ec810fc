import { getTableColumns, type SQL } from 'drizzle-orm'
import {
  bigint,
  bigserial,
  boolean,
  getTableConfig,
  integer,
  PgDialect,
  pgRole,
  pgTable,
  text,
  uuid,
  varchar,
} from 'drizzle-orm/pg-core'
import { describe, expect, test } from 'vitest'
import { tenantForeignKey, tenantId, tenantIsolation } from '../src/index.ts'
import { codeOf } from './code-of.ts'

const dialect = new PgDialect()
const role = 'app'

describe('tenantId()', () => {
  test.each([
    ['uuid', tenantId(), 'tenant_id', 'uuid'],
    ['bigint', tenantId({ type: 'bigint' }), 'tenant_id', 'bigint'],
    ['text', tenantId({ type: 'text', name: 'company' }), 'company', 'text'],
  ])('%s', (_type, builder, name, type) => {
    const { tenant } = getTableColumns(pgTable('rows', { tenant: builder }))
    expect(tenant).toMatchObject({ name, notNull: true, hasDefault: true, generated: undefined })
    expect(tenant.getSQLType()).toBe(type)
    expect(dialect.sqlToQuery(tenant.default as never).sql).toBe('tenantry.tenant_id()')
  })

  test('may be null where some rows are everybody’s', () => {
    const { tenant } = getTableColumns(pgTable('rows', { tenant: tenantId({ shared: true }) }))
    expect(tenant).toMatchObject({ name: 'tenant_id', notNull: false, hasDefault: true })
  })
})

describe('tenantIsolation()', () => {
  test.each([
    ['uuid', uuid('owner'), '::uuid'],
    ['bigint', bigint('owner', { mode: 'number' }), '::bigint'],
    ['bigserial', bigserial('owner', { mode: 'bigint' }), '::bigint'],
    ['integer', integer('owner'), '::integer'],
    ['text', text('owner'), ''],
    ['varchar', varchar('owner', { length: 36 }), ''],
    ['tenantId()', tenantId({ name: 'owner' }), '::uuid'],
  ])('compares a column of type %s with the setting', (_type, owner, cast) => {
    const table = pgTable('rows', { owner }, (columns) => tenantIsolation(columns.owner, { role }))
    const own = `"owner" = (SELECT nullif(current_setting('app.current_tenant_id', true), '')${cast})`
    const policies = getTableConfig(table).policies.map((policy) => ({
      name: policy.name,
      as: policy.as,
      for: policy.for,
      to: policy.to,
      using: dialect.sqlToQuery(policy.using!),
      withCheck: dialect.sqlToQuery(policy.withCheck!),
    }))
    const condition = expect.objectContaining({ sql: own, params: [] }) as unknown
    const common = { for: 'all', using: condition, withCheck: condition }
    expect(policies).toMatchObject([
      { name: 'tenantry_allow', as: 'permissive', to: role, ...common },
      { name: 'tenantry_floor', as: 'restrictive', to: 'public', ...common },
    ])
  })

  test('lets rows without a tenant be read by all and written by none', () => {
    const table = pgTable('rows', { tenantId: tenantId({ shared: true }) }, (columns) =>
      tenantIsolation(columns.tenantId, { role, shared: true }),
    )
    const own = `"tenant_id" = (SELECT nullif(current_setting('app.current_tenant_id', true), '')::uuid)`
    const readable = `"tenant_id" IS NULL OR ${own}`
    const sqlOf = (condition: SQL | undefined): string | undefined =>
      condition && dialect.sqlToQuery(condition).sql
    const { policies } = getTableConfig(table)
    expect(
      policies.map((each) => [each.name, each.as, each.for, sqlOf(each.using), sqlOf(each.withCheck)]),
    ).toEqual([
      ['tenantry_allow', 'permissive', 'all', readable, own],
      ['tenantry_floor', 'restrictive', 'all', readable, own],
      ['tenantry_floor_delete', 'restrictive', 'delete', own, undefined],
      ['tenantry_floor_update', 'restrictive', 'update', own, own],
    ])
    expect(policies.map(({ to }) => to)).toEqual([role, 'public', 'public', 'public'])
  })

  test('takes another setting, and a role of Drizzle', () => {
    const appRole = pgRole('app').existing()
    const table = pgTable('rows', { tenantId: tenantId() }, (columns) =>
      tenantIsolation(columns.tenantId, { role: appRole, setting: 'my.tenant' }),
    )
    const [allow] = getTableConfig(table).policies
    expect(allow?.to).toBe(appRole)
    expect(dialect.sqlToQuery(allow!.using!).sql).toContain(`current_setting('my.tenant', true)`)
  })

  test.each(["x', true)) or true --.y", 'plain', 'a.b; drop', ''])('refuses the setting %j', (setting) => {
    const { tenant } = pgTable('rows', { tenant: tenantId() })
    expect(codeOf(() => tenantIsolation(tenant, { role, setting }))).toBe('INVALID_SETTING')
  })

  test('refuses a column that is no tenant id', () => {
    const { flag } = pgTable('rows', { flag: boolean('flag') })
    expect(codeOf(() => tenantIsolation(flag, { role }))).toBe('INVALID_CONFIG')
  })
})

describe('tenantForeignKey()', () => {
  const parents = pgTable('parents', { tenantId: tenantId(), id: uuid('id') })
  const tenantless = pgTable('countries', { id: uuid('id') })

  test('puts the tenant in front, on both sides', () => {
    const children = pgTable('children', { tenantId: tenantId(), parentId: uuid('parent_id') }, (table) => [
      tenantForeignKey({
        tenant: table.tenantId,
        columns: [table.parentId],
        foreignColumns: [parents.id],
        name: 'tenantry_child_parent',
      })
        .onDelete('cascade')
        .onUpdate('restrict'),
    ])
    const [key] = getTableConfig(children).foreignKeys
    const { columns, foreignColumns, foreignTable } = key!.reference()
    expect(columns.map(({ name }) => name)).toEqual(['tenant_id', 'parent_id'])
    expect(foreignColumns.map(({ name }) => name)).toEqual(['tenant_id', 'id'])
    expect(foreignTable).toBe(parents)
    expect(key!.getName()).toBe('tenantry_child_parent')
    expect(key).toMatchObject({ onDelete: 'cascade', onUpdate: 'restrict' })
  })

  test('may lead to the table itself', () => {
    const nodes = pgTable(
      'nodes',
      { tenantId: tenantId(), id: uuid('id').notNull(), parentId: uuid('parent_id') },
      (table) => [
        tenantForeignKey({ tenant: table.tenantId, columns: [table.parentId], foreignColumns: [table.id] }),
      ],
    )
    const { foreignColumns, foreignTable } = getTableConfig(nodes).foreignKeys[0]!.reference()
    expect(foreignColumns.map(({ name }) => name)).toEqual(['tenant_id', 'id'])
    expect(foreignTable).toBe(nodes)
  })

  test('refuses a table without the tenant’s column', () => {
    const { tenant, countryId } = pgTable('rows', { tenant: tenantId(), countryId: uuid('country_id') })
    expect(
      codeOf(() => tenantForeignKey({ tenant, columns: [countryId], foreignColumns: [tenantless.id] })),
    ).toBe('INVALID_CONFIG')
  })

  test.each(['set null', 'set default'])('refuses %s, which would clear the tenant', (action) => {
    const { tenant, parentId } = pgTable('rows', { tenant: tenantId(), parentId: uuid('parent_id') })
    const key = tenantForeignKey({ tenant, columns: [parentId], foreignColumns: [parents.id] })
    expect(codeOf(() => key.onDelete(action as never))).toBe('INVALID_CONFIG')
    expect(codeOf(() => key.onUpdate(action as never))).toBe('INVALID_CONFIG')
  })
})
