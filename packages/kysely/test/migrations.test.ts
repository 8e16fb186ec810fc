import { TenantPool } from '@tenantry/core/pg'
import { defineTenancy, planTenancy, readCatalogue, TenantryError, type Catalogue } from '@tenantry/policies'
import { connectToPostgres, queryAs, type TestDatabase } from '@tenantry/testing'
import { CamelCasePlugin, Kysely, PostgresDialect, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest'
import {
  createTenantFunction,
  disableTenantIsolation,
  dropTenantFunction,
  enableTenantIsolation,
  tenantColumn,
} from '../src/index.ts'
import { Migrator } from './migrator-class.ts'
import { codeOf, tenancy } from './two-tenants.ts'

const ACME = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa'
const GLOBEX = 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb'
const model = defineTenancy({ tenantTable: 'tenants', roles: { system: 'tenantry_system' } })

let database: TestDatabase
let ownerPool: pg.Pool
let owner: Kysely<unknown>
let pool: TenantPool
let app: Kysely<{ notes: { tenant_id: string; id: number; text: string } }>

beforeEach(async () => {
  database = await connectToPostgres(inject('postgresUrl')).createDatabase({ name: 'kysely-migrations' })
  ownerPool = new pg.Pool({ connectionString: database.urls.owner, max: 1 })
  owner = new Kysely<unknown>({ dialect: new PostgresDialect({ pool: ownerPool }) })
  pool = new TenantPool({ tenancy, connectionString: database.urls.app, max: 2 })
  app = new Kysely({ dialect: new PostgresDialect({ pool }) })
})
afterEach(async () => {
  await owner.destroy()
  await app.destroy()
  await database.drop()
})

const tenantsTable: Migration = {
  async up(db) {
    await createTenantFunction(db, { systemRole: 'tenantry_system' })
    await db.schema
      .createTable('tenants')
      .addColumn('id', 'uuid', (column) => column.primaryKey())
      .addColumn('name', 'text', (column) => column.notNull())
      .execute()
    await enableTenantIsolation(db, 'tenants', { kind: 'root', systemRole: 'tenantry_system' })
  },
  async down(db) {
    await disableTenantIsolation(db, 'tenants', { kind: 'root', systemRole: 'tenantry_system' })
    await db.schema.dropTable('tenants').execute()
    await dropTenantFunction(db)
  },
}

const notesTable: Migration = {
  async up(db) {
    await db.schema
      .createTable('notes')
      .addColumn('tenant_id', 'uuid', (column) => tenantColumn(column).references('tenants.id'))
      .addColumn('id', 'integer', (column) => column.notNull())
      .addColumn('text', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('notes_pkey', ['tenant_id', 'id'])
      .execute()
  },
  async down(db) {
    await db.schema.dropTable('notes').execute()
  },
}

/** What many migrations do, and what is wrong with them. */
const openToTheApplication: Migration = {
  async up(db) {
    await sql`grant all on notes to tenantry_app`.execute(db)
  },
  async down(db) {
    await sql`revoke all on notes from tenantry_app`.execute(db)
  },
}

const isolatedNotes: Migration = {
  up: (db) => enableTenantIsolation(db, 'notes', { systemRole: 'tenantry_system' }),
  down: (db) => disableTenantIsolation(db, 'notes', { systemRole: 'tenantry_system' }),
}

function migrator(migrations: Record<string, Migration>, db: Kysely<unknown> = owner) {
  return new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) } })
}

async function migrate(migrations: Record<string, Migration>, db?: Kysely<unknown>): Promise<void> {
  const { error } = await migrator(migrations, db).migrateToLatest()
  if (error !== undefined) throw error
}

async function seed(): Promise<void> {
  await database.query(
    `insert into tenants select * from (values ($1::uuid, 'acme'), ($2::uuid, 'globex')) as given`,
    [ACME, GLOBEX],
  )
  await database.query(
    `insert into notes select * from (values ($1::uuid, 1, 'of acme'), ($2::uuid, 1, 'of globex')) as given`,
    [ACME, GLOBEX],
  )
}

const texts = async () =>
  (await app.selectFrom('notes').select('text').orderBy('text').execute()).map(({ text }) => text)

async function catalogue(): Promise<Catalogue> {
  const client = await ownerPool.connect()
  try {
    return await readCatalogue((text, values) => client.query(text, values && [...values]), model)
  } finally {
    client.release()
  }
}

/** The steps of a plan for the database as it is. */
async function stepsLeft(): Promise<string[]> {
  return planTenancy(model, await catalogue()).steps.map(({ id }) => id)
}

describe('enableTenantIsolation() in a migration', () => {
  test('without it, a tenant reads, changes, plants and steals; with it, it does not; a plan finds nothing left', async () => {
    await migrate({ '1': tenantsTable, '2': notesTable, '3': openToTheApplication })
    await seed()
    await tenancy.run(ACME, async () => {
      expect(await texts()).toEqual(['of acme', 'of globex'])
      const stolen = await app
        .updateTable('notes')
        .set({ tenant_id: ACME, id: 2 })
        .where('tenant_id', '=', GLOBEX)
        .executeTakeFirst()
      expect(stolen.numUpdatedRows).toBe(1n)
      await app.insertInto('notes').values({ tenant_id: GLOBEX, id: 3, text: 'planted' }).execute()
    })
    await database.query('truncate notes')
    await database.query(`insert into notes values ($1, 1, 'of acme')`, [ACME])
    await database.query(`insert into notes values ($1, 1, 'of globex')`, [GLOBEX])

    await migrate({ '1': tenantsTable, '2': notesTable, '3': openToTheApplication, '4': isolatedNotes })
    await tenancy.run(ACME, async () => {
      expect(await texts()).toEqual(['of acme'])
      const stealing = app
        .updateTable('notes')
        .set({ tenant_id: ACME, id: 2 })
        .where('tenant_id', '=', GLOBEX)
      expect((await stealing.executeTakeFirst()).numUpdatedRows).toBe(0n)
      expect(
        await codeOf(() =>
          app.insertInto('notes').values({ tenant_id: GLOBEX, id: 3, text: 'planted' }).execute(),
        ),
      ).toBe('42501')
      expect(await codeOf(() => app.updateTable('notes').set({ tenant_id: GLOBEX, id: 4 }).execute())).toBe(
        '42501',
      )
      expect(await codeOf(() => sql`truncate notes`.execute(app))).toBe('42501')
      await sql`insert into notes (id, text) values (2, 'second of acme')`.execute(app)
    })
    expect(await database.query('select tenant_id, text from notes order by text')).toEqual([
      { tenant_id: ACME, text: 'of acme' },
      { tenant_id: GLOBEX, text: 'of globex' },
      { tenant_id: ACME, text: 'second of acme' },
    ])
    expect(await stepsLeft()).toEqual([])
    await pool.verify()
  })

  test('its reverse leaves what was there before, and no moment in which the application sees all', async () => {
    const migrations = { '1': tenantsTable, '2': notesTable, '3': isolatedNotes }
    await migrate({ '1': tenantsTable, '2': notesTable })
    await seed()
    const before = await catalogue()
    await migrate(migrations)
    expect((await migrator(migrations).migrateDown()).error).toBeUndefined()
    const tables = ({ tables: all }: Catalogue) =>
      all
        .filter(({ name }) => name === 'notes')
        .map(({ estimatedRows: _rows, pages: _pages, ...table }) => table)
    expect(tables(await catalogue())).toEqual(tables(before))
    expect(await tenancy.run(ACME, () => codeOf(texts))).toBe('42501')

    for (const _migration of [1, 2]) expect((await migrator(migrations).migrateDown()).error).toBeUndefined()
    expect(
      await database.query(
        `select nspname from pg_namespace where nspname = 'tenantry' union all select tablename from pg_tables where schemaname = 'public' and tablename not like 'kysely%'`,
      ),
    ).toEqual([])
  })

  test('fails with the migration, and takes nothing half done with it', async () => {
    const failing: Migration = {
      async up(db) {
        await enableTenantIsolation(db, 'notes')
        await sql`select 1 / 0`.execute(db)
      },
    }
    await migrate({ '1': tenantsTable, '2': notesTable })
    expect(await codeOf(() => migrate({ '1': tenantsTable, '2': notesTable, '3': failing }))).toBe('22012')
    expect(await stepsLeft()).toEqual([
      'public.notes: policies',
      'public.notes: grants',
      'public.notes: force',
    ])
  })

  test('outside of a transaction it opens one of its own', async () => {
    await migrate({ '1': tenantsTable, '2': notesTable })
    // Its last statement fails: the role does not exist.
    expect(await codeOf(() => enableTenantIsolation(owner, 'notes', { role: 'no_such_role' }))).toBe('42704')
    expect(await stepsLeft()).toEqual([
      'public.notes: policies',
      'public.notes: grants',
      'public.notes: force',
    ])
    await enableTenantIsolation(owner, 'notes', { systemRole: 'tenantry_system' })
    expect(await stepsLeft()).toEqual([])
  })

  test('refuses what is no name, type or setting, and a table that is not there', async () => {
    await migrate({ '1': tenantsTable, '2': notesTable })
    const refused = enableTenantIsolation(owner, 'notes', { setting: `x'; drop table notes; --` })
    await expect(refused).rejects.toSatisfy(TenantryError.isInstance)
    await expect(refused).rejects.toMatchObject({ code: 'INVALID_TENANCY' })
    expect(await codeOf(() => enableTenantIsolation(owner, 'notices'))).toBe('42P01')
    expect(await codeOf(() => enableTenantIsolation(owner, 'notes"; drop table notes; --'))).toBe('42P01')
    expect(await codeOf(() => enableTenantIsolation(owner, 'notes', { column: 'company_id' }))).toBe('42703')
    expect(await codeOf(() => enableTenantIsolation(owner, 'notes', { tenantId: 'bigint' }))).toBe('42883')
    expect(await database.query('select from notes')).toEqual([])
  })
})

describe('which table is meant', () => {
  /** `schema.table` of all that have policies. */
  const isolated = () =>
    database.query(`select distinct schemaname || '.' || tablename as name from pg_policies order by 1`)
  const makeTables = async (...names: string[]) => {
    for (const name of names)
      await queryAs(database.urls.owner, `create table ${name} (tenant_id uuid not null)`)
  }

  beforeEach(() => queryAs(database.urls.owner, 'create schema billing; create schema "Other"'))

  test('that of the schema of withSchema', async () => {
    await makeTables('public.notes', 'billing.notes')
    await enableTenantIsolation(owner.withSchema('billing'), 'notes')
    expect(await isolated()).toEqual([{ name: 'billing.notes' }])
    const billing = app.withSchema('billing').selectFrom('notes').select('tenant_id')
    expect(await tenancy.run(ACME, () => billing.execute())).toEqual([])
    await disableTenantIsolation(owner.withSchema('billing'), 'notes')
    expect(await isolated()).toEqual([])
  })

  test('that of the schema in its name, whatever withSchema says', async () => {
    await makeTables('public.notes', '"Other".notes')
    await enableTenantIsolation(owner.withSchema('billing'), 'Other.notes')
    expect(await isolated()).toEqual([{ name: 'Other.notes' }])
  })

  test('the first of the search path', async () => {
    await makeTables('public.notes', 'billing.notes')
    await owner.connection().execute(async (connection) => {
      await sql`set search_path = billing, public`.execute(connection)
      await enableTenantIsolation(connection, 'notes')
    })
    expect(await isolated()).toEqual([{ name: 'billing.notes' }])
  })

  test('that of the name in SQL under CamelCasePlugin, in the schema that the plugin makes of its name', async () => {
    await makeTables('public.project_notes', 'public."projectNotes"', 'billing.project_notes')
    const camelCase = owner.withPlugin(new CamelCasePlugin())
    await migrate({ '1': { up: (db) => enableTenantIsolation(db, 'project_notes') } }, camelCase)
    expect(await isolated()).toEqual([{ name: 'public.project_notes' }])
    await enableTenantIsolation(camelCase, 'projectNotes')
    await enableTenantIsolation(camelCase.withSchema('billing'), 'project_notes', { column: 'tenant_id' })
    expect(await isolated()).toEqual([
      { name: 'billing.project_notes' },
      { name: 'public.projectNotes' },
      { name: 'public.project_notes' },
    ])
  })
})

// Trap 33: both ask the database before there is any tenant.
describe('introspection and the migrator', () => {
  test('on a TenantPool they are refused; as the owner they do their work', async () => {
    expect(await codeOf(() => app.introspection.getTables())).toBe('TENANT_REQUIRED')
    expect(
      await codeOf(() => migrator({ '1': notesTable }, app as unknown as Kysely<unknown>).getMigrations()),
    ).toBe('TENANT_REQUIRED')
    expect(await codeOf(() => migrate({ '1': notesTable }, app as unknown as Kysely<unknown>))).toBe(
      'TENANT_REQUIRED',
    )

    await migrate({ '1': tenantsTable, '2': notesTable, '3': isolatedNotes })
    expect((await owner.introspection.getTables()).map(({ name }) => name).sort()).toEqual([
      'notes',
      'tenants',
    ])
    expect((await migrator({ '1': tenantsTable }).getMigrations())[0]?.executedAt).toBeInstanceOf(Date)
  })

  test('with no tenant the application may look, and not migrate', async () => {
    await migrate({ '1': tenantsTable, '2': notesTable, '3': isolatedNotes })
    await tenancy.withoutTenant(async () => {
      expect((await app.introspection.getTables()).map(({ name }) => name).sort()).toEqual([
        'notes',
        'tenants',
      ])
      expect(await codeOf(() => migrate({ '9': notesTable }, app as unknown as Kysely<unknown>))).toBe(
        '42501',
      )
    })
  })

  test('a migration that changes rows finds none under FORCE, and all of them without', async () => {
    await migrate({ '1': tenantsTable, '2': notesTable, '3': isolatedNotes })
    await seed()
    const shout = (db: Kysely<unknown>) => sql`update notes set text = upper(text)`.execute(db)
    const silent: Migration = { up: async (db) => void (await shout(db)) }
    const right: Migration = {
      async up(db) {
        await sql`alter table notes no force row level security`.execute(db)
        await shout(db)
        await sql`alter table notes force row level security`.execute(db)
      },
    }
    const before = { '1': tenantsTable, '2': notesTable, '3': isolatedNotes, '4': silent }
    await migrate(before)
    expect(await database.query('select text from notes order by 1')).toEqual([
      { text: 'of acme' },
      { text: 'of globex' },
    ])
    await migrate({ ...before, '5': right })
    expect(await database.query('select text from notes order by 1')).toEqual([
      { text: 'OF ACME' },
      { text: 'OF GLOBEX' },
    ])
    expect(await stepsLeft()).toEqual([])
  })
})
