import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TenantryError, type Catalogue, type Query, type TenancyOptions } from '../../../src/index.ts'
import {
  tableIsolation,
  tenantFunctionIsolation,
  type IsolationOptions,
} from '../../../src/plan/table-isolation.ts'
import { openDatabase, type OpenDatabase } from '../../support/open-database.ts'
import { apply, catalogueFor, expectPlanned, planFor, refusal } from './planning.ts'

const A = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa'
const B = 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb'

interface Case {
  readonly name: string
  readonly options: IsolationOptions
  readonly type: string
  readonly ids: readonly [string, string]
  readonly schema?: string
  readonly column?: string
}

const cases: readonly Case[] = [
  { name: 'the defaults', options: {}, type: 'uuid', ids: [A, B] },
  {
    name: 'numbers, with a system role',
    options: { tenantId: 'bigint', systemRole: 'tenantry_system' },
    type: 'bigint',
    ids: ['1', '9007199254740993'],
  },
  {
    name: 'texts, with a setting of its own',
    options: { tenantId: 'text', setting: 'my_app.Tenant' },
    type: 'text',
    ids: ["o'neill", 'b\\c'],
  },
  {
    name: 'names that have to be quoted',
    options: { tenantId: 'uuid' },
    type: 'uuid',
    ids: [A, B],
    schema: 'Größe "1"',
    column: 'select',
  },
]

describe.each(cases)(
  'a table isolated by itself: $name',
  ({ options, type, ids, schema = 'public', column = 'tenant_id' }) => {
    const quotedSchema = `"${schema.replaceAll('"', '""')}"`
    const tenants = `${quotedSchema}.tenants`
    const notes = `${quotedSchema}."Notes"`
    const root = tableIsolation({ ...options, table: { schema, name: 'tenants' }, kind: 'root' })
    const isolation = tableIsolation({ ...options, table: { schema, name: 'Notes' }, column })
    const model: TenancyOptions = {
      tenantTable: `${schema}.tenants`,
      column,
      ...(options.setting !== undefined && { setting: options.setting }),
      roles: options.systemRole === undefined ? {} : { system: options.systemRole },
    }
    const [own, other] = ids
    let database: OpenDatabase
    let asOwn: Query
    let before: Catalogue

    beforeAll(async () => {
      database = await openDatabase('table-isolation', 'select 1')
      if (schema !== 'public')
        await database.superuser(`create schema ${quotedSchema} authorization tenantry_owner`)
      await run(database.owner, tenantFunctionIsolation(options).enable)
      await database.owner(`
        create table ${tenants} (id ${type} primary key, name text not null);
        create table ${notes} (
          "${column}" ${type} not null default tenantry.tenant_id() references ${tenants},
          id integer, body text not null, primary key ("${column}", id)
        )`)
      await run(database.owner, root.enable)
      for (const id of ids) {
        await database.superuser(`insert into ${tenants} values ($1, $2)`, [id, `of ${id}`])
        await database.superuser(`insert into ${notes} values ($1, 1, $2)`, [id, `of ${id}`])
      }
      asOwn = database.as(own, options.setting)
      before = await catalogueFor(database.owner, model)
    })
    afterAll(() => database.close())

    test('it is as a plan would make it, again and again', async () => {
      await run(database.owner, isolation.enable)
      await expectPlanned(database.owner, model)
      const enabled = await catalogueFor(database.owner, model)
      await run(database.owner, isolation.enable)
      await run(database.owner, root.enable)
      await run(database.owner, tenantFunctionIsolation(options).enable)
      expect(await catalogueFor(database.owner, model)).toEqual(enabled)
    })

    test('a tenant has its rows, and gets at no others', async () => {
      await run(database.owner, isolation.enable)
      expect((await asOwn(`select body from ${notes}`)).rows).toEqual([{ body: `of ${own}` }])
      expect((await asOwn(`insert into ${notes} (id, body) values (2, 'mine') returning id`)).rows).toEqual([
        { id: 2 },
      ])
      expect((await asOwn(`delete from ${notes} where id = 2 returning id`)).rows).toEqual([{ id: 2 }])
      expect(await refusal(asOwn(`insert into ${notes} values ($1, 3, 'planted')`, [other]))).toContain(
        'row-level security',
      )
      expect(await refusal(asOwn(`update ${notes} set "${column}" = $1`, [other]))).toContain(
        'row-level security',
      )
      expect(await refusal(asOwn(`truncate ${notes}`))).toContain('permission denied')
      expect((await asOwn(`select name from ${tenants}`)).rows).toEqual([{ name: `of ${own}` }])
      expect(await refusal(asOwn(`delete from ${tenants}`))).toContain('permission denied')
      expect((await database.app(`select from ${notes}`)).rows).toEqual([])
      expect((await database.owner(`select from ${notes}`)).rows).toEqual([])
    })

    test('disabled, it is as it was before', async () => {
      await run(database.owner, isolation.disable)
      await run(database.owner, isolation.disable)
      expect(await catalogueFor(database.owner, model)).toEqual(before)
      const steps = (await planFor(database.owner, model)).steps.map(({ id }) => id)
      expect(steps).toEqual(['policies', 'grants', 'force'].map((step) => `${schema}.Notes: ${step}`))
      expect(await refusal(asOwn(`select from ${notes}`))).toContain('permission denied')
      // What a plan makes has the same reverse.
      await apply(database.owner, model)
      await run(database.owner, isolation.disable)
      expect((await planFor(database.owner, model)).steps.map(({ id }) => id)).toEqual(steps)
    })
  },
)

test('rights that anybody had on the table are taken back, and none is left when it is disabled', async () => {
  const database = await openDatabase(
    'table-isolation-rights',
    `create table notes (tenant_id uuid not null, id integer);
     grant all on notes to tenantry_app, public;
     insert into notes values ('${A}', 1), ('${B}', 1)`,
  )
  try {
    const asA = database.as(A)
    const { enable, disable } = tableIsolation({ table: { schema: 'public', name: 'notes' } })
    expect((await asA('select from notes')).rows).toHaveLength(2)
    await asA('begin; truncate notes; rollback; begin')

    await run(database.owner, enable)
    expect((await asA('select from notes')).rows).toHaveLength(1)
    expect(await refusal(asA('truncate notes'))).toContain('permission denied')

    await run(database.owner, disable)
    expect(await refusal(asA('select from notes'))).toContain('permission denied')
  } finally {
    await database.close()
  }
})

test('the schema and the function go again', async () => {
  const database = await openDatabase('table-isolation-function', 'select 1')
  try {
    const { enable, disable } = tenantFunctionIsolation()
    await run(database.owner, enable)
    expect((await database.as(A)('select tenantry.tenant_id() as tenant')).rows).toEqual([{ tenant: A }])
    expect(await refusal(database.system('select tenantry.tenant_id()'))).toContain('permission denied')
    await run(database.owner, disable)
    await run(database.owner, disable)
    expect((await database.superuser(`select from pg_namespace where nspname = 'tenantry'`)).rows).toEqual([])
  } finally {
    await database.close()
  }
})

test.each([
  [{ tenantId: 'uuid); drop table notes; --' as 'uuid' }, /tenantId is/],
  [{ setting: "x'; drop table notes" }, /setting is/],
  [{ role: 'public' }, /roles\.app is "public"/],
  [{ role: 'one', systemRole: 'one' }, /roles\.app and roles\.system/],
  [{ column: '' }, /column is/],
])('what is no name, type or setting is refused: %j', (options, message) => {
  const attempt = (): unknown => tableIsolation({ table: { schema: 'public', name: 'notes' }, ...options })
  expect(attempt).toThrow(TenantryError)
  expect(attempt).toThrow(message)
})

async function run(query: Query, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await query(statement)
}
