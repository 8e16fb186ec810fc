import { defineTenancy, TenantryError } from '@tenantry/policies'
import { queryAs, type TestDatabase } from '@tenantry/testing'
import { BaseEntity, DataSource, Entity, PrimaryColumn, Table, type QueryRunner } from 'typeorm'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  createTenantFunction,
  disableTenantIsolation,
  dropTenantFunction,
  enableTenantIsolation,
  forEachTenant,
  MigrationDataSource,
  TenantColumn,
  type TenantDataSource,
} from '../src/index.ts'
import { ACME, codeOf, createDatabase, GLOBEX, openDataSource, stepsLeft, tenancy } from './test-database.ts'

const model = defineTenancy({
  tenantTable: 'tenants',
  roles: { system: 'tenantry_system' },
  tables: { migrations: 'excluded' },
})

const systemRole = { systemRole: 'tenantry_system' }

class Tenants1700000000001 {
  async up(queryRunner: QueryRunner): Promise<void> {
    await createTenantFunction(queryRunner, systemRole)
    await queryRunner.query('create table tenants (id uuid primary key, name text not null)')
    await enableTenantIsolation(queryRunner, 'tenants', { kind: 'root', ...systemRole })
  }
  async down(queryRunner: QueryRunner): Promise<void> {
    await disableTenantIsolation(queryRunner, 'tenants', { kind: 'root', ...systemRole })
    await queryRunner.dropTable('tenants')
    await dropTenantFunction(queryRunner)
  }
}

class Notes1700000000002 {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      create table notes (
        tenant_id uuid not null default tenantry.tenant_id() references tenants (id),
        id integer not null, text text not null, primary key (tenant_id, id)
      )`)
  }
  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.dropTable('notes')
  }
}

/** What many migrations do, and what is wrong with them. */
class Open1700000000003 {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('grant all on notes to tenantry_app')
  }
  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('revoke all on notes from tenantry_app')
  }
}

class Isolated1700000000004 {
  async up(queryRunner: QueryRunner): Promise<void> {
    await enableTenantIsolation(queryRunner, 'notes', systemRole)
  }
  async down(queryRunner: QueryRunner): Promise<void> {
    await disableTenantIsolation(queryRunner, 'notes', systemRole)
  }
}

type Migrations = (new () => { up(queryRunner: QueryRunner): Promise<void> })[]

const tables: Migrations = [Tenants1700000000001, Notes1700000000002]

let database: TestDatabase
let app: TenantDataSource
beforeEach(async () => {
  database = await createDatabase()
  app = await openDataSource(database, { entities: [] })
})
afterEach(async () => {
  await app.destroy()
  await database.drop()
})

/** The data source of migrations, for the length of `work`. */
async function asOwner<Result>(
  work: (owner: DataSource) => Promise<Result>,
  options: object = {},
): Promise<Result> {
  const owner = new MigrationDataSource({ type: 'postgres', url: database.urls.owner, ...options })
  await owner.initialize()
  try {
    return await work(owner)
  } finally {
    await owner.destroy()
  }
}

const migrate = (migrations: Migrations, options: object = {}) =>
  asOwner((owner) => owner.runMigrations(), { migrations, ...options })

const asMigration = (
  up: (queryRunner: QueryRunner) => Promise<unknown>,
  run: (work: () => Promise<void>) => Promise<void> = (work) => work(),
) =>
  asOwner(async (owner) => {
    const queryRunner = owner.createQueryRunner()
    try {
      await run(async () => void (await up(queryRunner)))
    } finally {
      await queryRunner.release()
    }
  })

async function seed(): Promise<void> {
  for (const [id, name] of [
    [ACME, 'acme'],
    [GLOBEX, 'globex'],
  ]) {
    await database.query('insert into tenants values ($1, $2)', [id, name])
    await database.query('insert into notes values ($1, 1, $2)', [id, `of ${name}`])
  }
}

const texts = async (): Promise<string[]> =>
  (await app.query<{ text: string }[]>('select text from notes order by text')).map(({ text }) => text)

const storedTexts = async (): Promise<unknown[]> =>
  (await database.query('select text from notes order by text')).map(({ text }) => text)

describe('enableTenantIsolation() in a migration', () => {
  test('without it a tenant reads and steals; with it, it does not, and a plan finds nothing left', async () => {
    await migrate([...tables, Open1700000000003])
    await seed()
    await tenancy.run(ACME, async () => {
      expect(await texts()).toEqual(['of acme', 'of globex'])
      await app.query('update notes set tenant_id = $1, id = 2 where tenant_id = $2', [ACME, GLOBEX])
    })
    expect(await database.query('select from notes where tenant_id = $1', [ACME])).toHaveLength(2)
    await database.query('update notes set tenant_id = $1, id = 1 where id = 2', [GLOBEX])

    await migrate([...tables, Open1700000000003, Isolated1700000000004])
    await tenancy.run(ACME, async () => {
      expect(await texts()).toEqual(['of acme'])
      expect(await codeOf(() => app.query('update notes set tenant_id = $1', [GLOBEX]))).toBe('42501')
      expect(await codeOf(() => app.query('truncate notes'))).toBe('42501')
      await app.query(`insert into notes (id, text) values (2, 'second')`)
    })
    expect(await database.query(`select tenant_id from notes where text = 'second'`)).toEqual([
      { tenant_id: ACME },
    ])
    expect(await stepsLeft(database, model)).toEqual([])
    await app.verify()
  })

  test('its reverse leaves no moment in which the application sees all, and dropTenantFunction() nothing at all', async () => {
    const migrations = [...tables, Isolated1700000000004]
    await migrate(migrations)
    await seed()
    await asOwner((owner) => owner.undoLastMigration(), { migrations })
    expect(await tenancy.run(ACME, () => codeOf(texts))).toBe('42501')
    await asOwner((owner) => owner.undoLastMigration(), { migrations })
    await asOwner((owner) => owner.undoLastMigration(), { migrations })
    expect(
      await database.query(
        `select nspname from pg_namespace where nspname = 'tenantry' union all select tablename from pg_tables where schemaname = 'public' and tablename <> 'migrations'`,
      ),
    ).toEqual([])
  })

  test('outside of a transaction it opens one of its own', async () => {
    await migrate(tables)
    // Its last statement fails: the role does not exist.
    const failing = (queryRunner: QueryRunner) =>
      enableTenantIsolation(queryRunner, 'notes', { role: 'no_such_role' })
    expect(await codeOf(() => asMigration(failing))).toBe('42704')
    expect(await stepsLeft(database, model)).toContain('public.notes: policies')

    await migrate([...tables, Isolated1700000000004], { migrationsTransactionMode: 'none' })
    expect(await stepsLeft(database, model)).toEqual([])
  })

  test('refuses what is no name, type or setting, and a table that is not there', async () => {
    await migrate(tables)
    await asMigration(async (queryRunner) => {
      const refused = enableTenantIsolation(queryRunner, 'notes', { setting: `x'; drop table notes; --` })
      await expect(refused).rejects.toSatisfy(TenantryError.isInstance)
      await expect(refused).rejects.toMatchObject({ code: 'INVALID_TENANCY' })
      expect(await codeOf(() => enableTenantIsolation(queryRunner, 'notices'))).toBe('42P01')
      expect(await codeOf(() => enableTenantIsolation(queryRunner, 'notes"; drop table notes; --'))).toBe(
        '42P01',
      )
    })
  })

  test('takes the table that other methods of the query runner mean by the name', async () => {
    await migrate(tables)
    const isolated = async () =>
      (
        await database.query(
          `select distinct schemaname || '.' || tablename as name from pg_policies order by 1`,
        )
      ).map(({ name }) => name)
    await queryAs(database.urls.owner, 'create schema billing; create schema "Other"')
    for (const name of ['billing.notes', '"Other"."Notes"'])
      await queryAs(database.urls.owner, `create table ${name} (tenant_id uuid not null)`)

    await asMigration((queryRunner) => enableTenantIsolation(queryRunner, new Table({ name: 'Other.Notes' })))
    expect(await isolated()).toEqual(['Other.Notes', 'public.tenants'])
    await asMigration((queryRunner) => enableTenantIsolation(queryRunner, 'billing.notes'))
    expect(await isolated()).toEqual(['Other.Notes', 'billing.notes', 'public.tenants'])
    await asMigration((queryRunner) => disableTenantIsolation(queryRunner, 'billing.notes'))
    await asOwner(
      async (owner) => {
        const queryRunner = owner.createQueryRunner()
        await enableTenantIsolation(queryRunner, 'notes')
        await queryRunner.release()
      },
      { schema: 'billing' },
    )
    expect(await isolated()).toEqual(['Other.Notes', 'billing.notes', 'public.tenants'])
  })
})

// Trap 19.
describe('forEachTenant()', () => {
  const shout = (queryRunner: QueryRunner) => queryRunner.query('update notes set text = upper(text)')

  beforeEach(async () => {
    await migrate([...tables, Isolated1700000000004])
    await seed()
  })

  test('changes what a plain UPDATE of the owner does not see, one tenant at a time', async () => {
    await asMigration(shout)
    expect(await storedTexts()).toEqual(['of acme', 'of globex'])

    const seen: unknown[] = []
    await asMigration((queryRunner) =>
      forEachTenant(queryRunner, { tables: ['notes'] }, async (tenantId) => {
        seen.push([tenantId, await queryRunner.query('select text from notes')])
        await shout(queryRunner)
        await queryRunner.query(`insert into notes (id, text) values (2, 'added')`)
      }),
    )
    expect(seen).toEqual([
      [ACME, [{ text: 'of acme' }]],
      [GLOBEX, [{ text: 'of globex' }]],
    ])
    expect(await storedTexts()).toEqual(['added', 'added', 'OF ACME', 'OF GLOBEX'].sort())
    expect(await stepsLeft(database, model)).toEqual([])
  })

  test('lets no tenant’s turn reach another’s rows', async () => {
    const moving = asMigration((queryRunner) =>
      forEachTenant(queryRunner, { tables: ['notes'] }, () =>
        queryRunner.query('update notes set tenant_id = $1, id = id + 1', [GLOBEX]),
      ),
    )
    expect(await codeOf(() => moving)).toBe('42501')
    expect(await stepsLeft(database, model)).toEqual([])
    expect(await database.query('select from notes where tenant_id = $1', [GLOBEX])).toHaveLength(1)
  })

  test('undoes all of it when one tenant’s turn fails, and leaves the tables isolated', async () => {
    const failing = asMigration((queryRunner) =>
      forEachTenant(queryRunner, { tables: ['notes'] }, async (tenantId) => {
        await shout(queryRunner)
        if (tenantId === GLOBEX) throw new Error('of the second')
      }),
    )
    await expect(failing).rejects.toThrow('of the second')
    expect(await storedTexts()).toEqual(['of acme', 'of globex'])
    expect(await stepsLeft(database, model)).toEqual([])
  })

  test('is part of the migration’s own transaction, and forgets the tenant for what follows in it', async () => {
    class Shout1700000000005 {
      async up(queryRunner: QueryRunner): Promise<void> {
        await forEachTenant(queryRunner, { tables: ['notes'] }, () => shout(queryRunner))
        const rows = (await queryRunner.query('select from notes')) as unknown[]
        const [{ tenant }] = (await queryRunner.query('select tenantry.tenant_id() as tenant')) as [
          { tenant: unknown },
        ]
        if (rows.length > 0 || tenant !== null) throw new Error('it goes on')
      }
    }
    await migrate([...tables, Isolated1700000000004, Shout1700000000005])
    expect(await storedTexts()).toEqual(['OF ACME', 'OF GLOBEX'])
  })

  test('is refused for a table that is not isolated and for a role above policies: each turn would change all', async () => {
    await database.query('alter table notes no force row level security')
    const unforced = asMigration((queryRunner) =>
      forEachTenant(queryRunner, { tables: ['notes'] }, () => shout(queryRunner)),
    )
    expect(await codeOf(() => unforced)).toBe('INVALID_CONFIG')
    await database.query('alter table notes force row level security')

    const asSuperuser = new MigrationDataSource({ type: 'postgres', url: database.urls.superuser })
    await asSuperuser.initialize()
    const queryRunner = asSuperuser.createQueryRunner()
    expect(
      await codeOf(() => forEachTenant(queryRunner, { tables: ['notes'] }, () => shout(queryRunner))),
    ).toBe('INVALID_CONFIG')
    await queryRunner.release()
    await asSuperuser.destroy()
    expect(await storedTexts()).toEqual(['of acme', 'of globex'])
  })
})

// Trap 4.
describe('entities that extend BaseEntity', () => {
  @Entity('notes')
  class Note extends BaseEntity {
    @TenantColumn({ primary: true }) tenantId!: string
    @PrimaryColumn('integer') id!: number
  }

  test('go on using the application’s data source, whenever migrations are run', async () => {
    await migrate([...tables, Isolated1700000000004])
    await seed()
    const options = { type: 'postgres' as const, url: database.urls.superuser, entities: [Note] }
    const plain = await new DataSource({ ...options, installExtensions: false }).initialize()
    expect(await tenancy.run(ACME, () => Note.count())).toBe(2)
    await plain.destroy()

    const scoped = await openDataSource(database, { entities: [Note] })
    const owner = await new MigrationDataSource(options).initialize()
    expect(await tenancy.run(ACME, () => Note.count())).toBe(1)
    expect(owner.getMetadata(Note).tableName).toBe('notes')
    await owner.destroy()
    expect(await tenancy.run(ACME, () => Note.count())).toBe(1)
    expect(await codeOf(() => Note.count())).toBe('TENANT_REQUIRED')
    await scoped.destroy()
  })
})
