import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { defineTenancy } from '../../src/model/define-tenancy.ts'
import { resolveTenancy } from '../../src/model/resolve-tenancy.ts'
import type { ResolvedTenancy } from '../../src/model/resolved-tenancy.ts'
import type { TenancyOptions } from '../../src/model/tenancy.ts'
import { openSchemaReader, type SchemaReader } from './schema-reader.ts'

let reader: SchemaReader

beforeAll(async () => {
  reader = await openSchemaReader('resolve')
})
afterAll(() => reader.close())

async function resolve(sql: string, options: Partial<TenancyOptions> = {}): Promise<ResolvedTenancy> {
  const tenancy = defineTenancy({ tenantTable: 'tenants', ...options })
  return resolveTenancy(tenancy, await reader.read(sql, tenancy.schemas))
}

/** Each table with its kind and its column, and a child with its way. */
function summary({ tenantTables, sharedTables }: ResolvedTenancy): readonly string[] {
  return [
    ...tenantTables.map(({ table, kind, column, path }) => {
      const way = path ? ` by ${path.foreignKey.name} to ${path.parent.table.name}` : ''
      return `${table.name}: ${kind} ${column}${way}`
    }),
    ...sharedTables.map(({ table, writable }) => `${table.name}: shared${writable ? ' writable' : ''}`),
  ]
}

const TENANTS = 'CREATE TABLE tenants (id uuid PRIMARY KEY);'

test('the tenant table alone fits a schema in which every table has the column', async () => {
  const resolved = await resolve(`${TENANTS}
    CREATE TABLE projects (tenant_id uuid, id int PRIMARY KEY);
    CREATE TABLE accounts (tenant_id uuid, id int PRIMARY KEY)`)
  expect(summary(resolved)).toEqual([
    'tenants: root id',
    'accounts: tenant tenant_id',
    'projects: tenant tenant_id',
  ])
  expect(resolved.tenantType).toBe('uuid')
  expect(resolved.root).toBe(resolved.tenantTables[0])
  expect(resolved.root).toMatchObject({ path: undefined, primaryKey: 'keep', globalKeys: [], queries: [] })
})

test.each([
  ['uuid', 'uuid'],
  ['bigint', 'bigint'],
  ['bigserial', 'bigint'],
  ['integer', 'integer'],
  ['smallint', 'smallint'],
  ['text', 'text'],
  ['varchar(20)', 'text'],
  ['tenant_key', 'bigint'],
])('tenants are told apart by a key of type %s', async (type, tenantType) => {
  const sql = `CREATE DOMAIN tenant_key AS bigint; CREATE TABLE tenants (id ${type} PRIMARY KEY)`
  expect((await resolve(sql)).tenantType).toBe(tenantType)
  const given = await resolve(sql, { tenantId: tenantType as 'uuid' })
  expect(given.tenantType).toBe(tenantType)
})

test('integers of any size go together, and so do texts', async () => {
  const integers = await resolve(`CREATE DOMAIN tenant_key AS int;
    CREATE TABLE tenants (id bigint PRIMARY KEY);
    CREATE TABLE a (tenant_id int); CREATE TABLE b (tenant_id smallint); CREATE TABLE c (tenant_id tenant_key)`)
  expect(integers.tenantTables).toHaveLength(4)
  const texts = await resolve(`CREATE TABLE tenants (id varchar(20) PRIMARY KEY);
    CREATE TABLE a (tenant_id text); CREATE TABLE b (tenant_id varchar)`)
  expect(texts.tenantTables).toHaveLength(3)
})

test('parents come before children, by name where that leaves it open', async () => {
  const resolved = await resolve(
    `${TENANTS}
    CREATE TABLE zebras (id int PRIMARY KEY, tenant_id uuid);
    CREATE TABLE apes (id int PRIMARY KEY, zebra_id int NOT NULL REFERENCES zebras);
    CREATE TABLE bees (id int PRIMARY KEY, ape_id int NOT NULL REFERENCES apes);
    CREATE TABLE cats (id int PRIMARY KEY, tenant_id uuid)`,
    { tables: { apes: 'child', bees: 'child' } },
  )
  expect(summary(resolved)).toEqual([
    'tenants: root id',
    'cats: tenant tenant_id',
    'zebras: tenant tenant_id',
    'apes: child tenant_id by apes_zebra_id_fkey to zebras',
    'bees: child tenant_id by bees_ape_id_fkey to apes',
  ])
  const [root, , zebras, apes, bees] = resolved.tenantTables
  expect(bees?.path?.parent).toBe(apes)
  expect(apes?.path?.parent).toBe(zebras)
  expect(root?.path).toBeUndefined()
})

test('foreign keys in a circle, and on itself, do not stop the order', async () => {
  const resolved = await resolve(
    `CREATE TABLE tenants (id uuid PRIMARY KEY);
    CREATE TABLE a (id int PRIMARY KEY, tenant_id uuid, parent int REFERENCES a);
    CREATE TABLE b (id int PRIMARY KEY, tenant_id uuid, a int REFERENCES a);
    CREATE TABLE c (id int PRIMARY KEY, b int NOT NULL REFERENCES b);
    ALTER TABLE a ADD COLUMN c int REFERENCES c;
    ALTER TABLE tenants ADD COLUMN owner int REFERENCES a`,
    { tables: { c: 'child' } },
  )
  expect(resolved.tenantTables.map(({ table }) => table.name)).toEqual(['tenants', 'a', 'b', 'c'])
})

describe('what nobody named', () => {
  test('is a tenant table by its column, bookkeeping by its name', async () => {
    const resolved = await resolve(`${TENANTS}
      CREATE TABLE _prisma_migrations (id text); CREATE TABLE kysely_migration (name text);
      CREATE TABLE kysely_migration_lock (id text); CREATE TABLE typeorm_metadata (type text);
      CREATE TABLE __drizzle_migrations (id int); CREATE TABLE pgmigrations (id int);
      CREATE TABLE knex_migrations (id int); CREATE TABLE schema_migrations (version text);
      CREATE TABLE flyway_schema_history (rank int); CREATE TABLE "SequelizeMeta" (name text);
      CREATE TABLE migrations (id int, tenant_id uuid)`)
    expect(summary(resolved)).toEqual(['tenants: root id', 'migrations: tenant tenant_id'])
  })

  test('is left alone if an extension made it', async () => {
    const catalogue = await reader.read(`${TENANTS} CREATE TABLE spatial_ref_sys (srid int)`)
    const tables = catalogue.tables.map((table) =>
      table.name === 'tenants' ? table : Object.assign({}, table, { extension: 'postgis' }),
    )
    const resolved = resolveTenancy(defineTenancy({ tenantTable: 'tenants' }), { ...catalogue, tables })
    expect(summary(resolved)).toEqual(['tenants: root id'])
  })
})

test('what was named is of that kind, with its own column', async () => {
  const resolved = await resolve(
    `CREATE SCHEMA crm; CREATE TABLE crm.tenants (id uuid PRIMARY KEY, slug text UNIQUE);
    CREATE TABLE crm.people (company uuid, id int PRIMARY KEY, email text CONSTRAINT one_email UNIQUE);
    CREATE TABLE crm.templates (tenant_id uuid, id int PRIMARY KEY);
    CREATE TABLE crm.rates (id int PRIMARY KEY); CREATE TABLE crm.countries (id int PRIMARY KEY);
    CREATE TABLE crm."odd.name" (id int, tenant_id uuid);
    CREATE TABLE crm.jobs (id int, tenant_id text)`,
    {
      tenantTable: 'crm.tenants',
      tables: {
        people: {
          kind: 'tenant',
          column: 'company',
          globalKeys: ['one_email'],
          queries: [['email', 'company']],
        },
        'crm.templates': 'shared+tenant',
        rates: { kind: 'shared', writable: true },
        countries: 'shared',
        'odd.name': { kind: 'tenant', primaryKey: 'keep' },
        jobs: 'excluded',
      },
    },
  )
  expect(summary(resolved)).toEqual([
    'tenants: root id',
    'odd.name: tenant tenant_id',
    'people: tenant company',
    'templates: shared+tenant tenant_id',
    'countries: shared',
    'rates: shared writable',
  ])
  const [, odd, people, templates] = resolved.tenantTables
  expect(odd?.primaryKey).toBe('keep')
  expect(people).toMatchObject({
    primaryKey: 'composite',
    globalKeys: ['one_email'],
    queries: [['email', 'company']],
  })
  // Its rows without a tenant could be in no key with one.
  expect(templates?.primaryKey).toBe('keep')
})

test('a primary key that is named as global is kept', async () => {
  const sql = `${TENANTS} CREATE TABLE a (id int PRIMARY KEY, tenant_id uuid)`
  const resolved = await resolve(sql, { tables: { a: { kind: 'tenant', globalKeys: ['a_pkey'] } } })
  expect(resolved.tenantTables[1]?.primaryKey).toBe('keep')
  const kept = await resolve(sql, { primaryKeys: 'keep' })
  expect(kept.tenantTables[1]?.primaryKey).toBe('keep')
  const composite = await resolve(sql, {
    primaryKeys: 'keep',
    tables: { a: { kind: 'tenant', primaryKey: 'composite' } },
  })
  expect(composite.tenantTables[1]?.primaryKey).toBe('composite')
})

test('partitions belong to their table on all levels, in other schemas too, and inherited tables are their own', async () => {
  const resolved = await resolve(
    `${TENANTS} CREATE SCHEMA archive;
    CREATE TABLE events (tenant_id uuid, at date) PARTITION BY RANGE (at);
    CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY LIST (at);
    CREATE TABLE events_leaf PARTITION OF events_2025 DEFAULT;
    CREATE TABLE archive.events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
    CREATE TABLE countries (id int) PARTITION BY HASH (id);
    CREATE TABLE countries_1 PARTITION OF countries FOR VALUES WITH (MODULUS 1, REMAINDER 0);
    CREATE TABLE base (tenant_id uuid); CREATE TABLE derived () INHERITS (base);
    CREATE UNLOGGED TABLE fast (tenant_id uuid);
    CREATE TEMPORARY TABLE scratch (id int)`,
    { schemas: ['public', 'archive'], tables: { countries: 'shared' } },
  )
  expect(summary(resolved)).toEqual([
    'tenants: root id',
    'base: tenant tenant_id',
    'derived: tenant tenant_id',
    'events: tenant tenant_id',
    'fast: tenant tenant_id',
    'countries: shared',
  ])
  const names = (tables: readonly { name: string }[] | undefined) => tables?.map(({ name }) => name)
  expect(names(resolved.tenantTables[3]?.partitions)).toEqual(['events_2024', 'events_2025', 'events_leaf'])
  expect(names(resolved.tenantTables[1]?.partitions)).toEqual([])
  expect(names(resolved.sharedTables[0]?.partitions)).toEqual(['countries_1'])
})

test('views are no matter of the model', async () => {
  const resolved = await resolve(
    `${TENANTS} CREATE VIEW v AS SELECT 1 AS x; CREATE MATERIALIZED VIEW m AS SELECT 1 AS x`,
  )
  expect(summary(resolved)).toEqual(['tenants: root id'])
})

test('a table of a schema that takes no part needs no kind', async () => {
  const tenancy = defineTenancy({ tenantTable: 'tenants' })
  const catalogue = await reader.read(`${TENANTS} CREATE SCHEMA other; CREATE TABLE other.things (id int)`, [
    'public',
    'other',
  ])
  expect(summary(resolveTenancy(tenancy, catalogue))).toEqual(['tenants: root id'])
})

describe('the way of a child', () => {
  const WORK = `${TENANTS}
    CREATE TABLE projects (id int PRIMARY KEY, tenant_id uuid NOT NULL);
    CREATE TABLE members (id int PRIMARY KEY, tenant_id uuid NOT NULL);
    CREATE TABLE countries (id int PRIMARY KEY);`

  test('is its one foreign key to a table with tenants, whatever others it has', async () => {
    const resolved = await resolve(
      `${WORK} CREATE TABLE tasks (id int PRIMARY KEY, parent int REFERENCES tasks, project int REFERENCES projects,
        country int NOT NULL REFERENCES countries)`,
      { tables: { tasks: 'child', countries: 'shared' } },
    )
    expect(summary(resolved)).toContain('tasks: child tenant_id by tasks_project_fkey to projects')
  })

  test('is the tenant table itself, by any of its keys', async () => {
    const resolved = await resolve(
      `CREATE TABLE tenants (id uuid PRIMARY KEY, slug text UNIQUE);
      CREATE TABLE domains (id int, tenant text NOT NULL REFERENCES tenants (slug))`,
      { tables: { domains: 'child' } },
    )
    expect(summary(resolved)).toContain('domains: child tenant_id by domains_tenant_fkey to tenants')
  })

  test('is the only one of several that is never NULL', async () => {
    const resolved = await resolve(
      `${WORK} CREATE TABLE tasks (id int PRIMARY KEY, assignee int REFERENCES members, project int NOT NULL REFERENCES projects)`,
      { tables: { tasks: 'child', countries: 'shared' } },
    )
    expect(summary(resolved)).toContain('tasks: child tenant_id by tasks_project_fkey to projects')
  })

  test.each([['task_id'], ['comments_task_id_fkey'], [['task_id']]])(
    'is what through says: %j',
    async (through) => {
      const resolved = await resolve(
        `${WORK} CREATE TABLE tasks (id int PRIMARY KEY, tenant_id uuid);
      CREATE TABLE comments (id int, task_id int NOT NULL REFERENCES tasks, author int NOT NULL REFERENCES members)`,
        { tables: { comments: { kind: 'child', through }, countries: 'shared' } },
      )
      expect(summary(resolved)).toContain('comments: child tenant_id by comments_task_id_fkey to tasks')
    },
  )

  test('is a foreign key of several columns, in any order', async () => {
    const sql = `${TENANTS} CREATE TABLE lines (invoice int, nr int, tenant_id uuid, PRIMARY KEY (invoice, nr));
      CREATE TABLE notes (invoice int, nr int, FOREIGN KEY (invoice, nr) REFERENCES lines)`
    const expected = 'notes: child tenant_id by notes_invoice_nr_fkey to lines'
    expect(summary(await resolve(sql, { tables: { notes: 'child' } }))).toContain(expected)
    const named = await resolve(sql, { tables: { notes: { kind: 'child', through: ['nr', 'invoice'] } } })
    expect(summary(named)).toContain(expected)
  })

  test('does not go in circles where there is another way', async () => {
    const resolved = await resolve(
      `${WORK} CREATE TABLE a (id int PRIMARY KEY, project int REFERENCES projects);
      CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a); ALTER TABLE a ADD COLUMN b int NOT NULL REFERENCES b`,
      { tables: { a: 'child', b: 'child', countries: 'shared' } },
    )
    expect(summary(resolved).slice(3, 5)).toEqual([
      'a: child tenant_id by a_project_fkey to projects',
      'b: child tenant_id by b_a_fkey to a',
    ])
  })

  test('leads to a partitioned table where it leads to a partition', async () => {
    const resolved = await resolve(
      `${TENANTS} CREATE TABLE events (id int PRIMARY KEY, tenant_id uuid) PARTITION BY RANGE (id);
      CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (9);
      CREATE TABLE a (event int REFERENCES events); CREATE TABLE b (event int REFERENCES events_1)`,
      { tables: { a: 'child', b: 'child' } },
    )
    expect(summary(resolved).slice(2)).toEqual([
      'a: child tenant_id by a_event_fkey to events',
      'b: child tenant_id by b_event_fkey to events',
    ])
  })

  // What a plan leaves behind at any cut: the column, the new foreign key beside the old one, or instead of it.
  test.each([
    ['beside it', '', 'tasks_project_id_fkey'],
    [
      'instead of it',
      'ALTER TABLE tasks DROP CONSTRAINT tasks_project_id_fkey',
      'tenantry_tasks_project_id_fkey',
    ],
  ])('is the same with a foreign key that carries the tenant %s', async (_, drop, name) => {
    const sql = `${WORK} CREATE UNIQUE INDEX ON projects (tenant_id, id); CREATE UNIQUE INDEX ON members (tenant_id, id);
      CREATE TABLE tasks (id int PRIMARY KEY, tenant_id uuid REFERENCES tenants,
        project_id int NOT NULL REFERENCES projects, member_id int NOT NULL,
        CONSTRAINT tenantry_tasks_project_id_fkey FOREIGN KEY (tenant_id, project_id) REFERENCES projects (tenant_id, id),
        CONSTRAINT tenantry_tasks_member_id_fkey FOREIGN KEY (tenant_id, member_id) REFERENCES members (tenant_id, id));
      ${drop}`
    for (const through of [
      'project_id',
      'tasks_project_id_fkey',
      ['project_id'],
      ['tenant_id', 'project_id'],
    ]) {
      const resolved = await resolve(sql, {
        tables: { tasks: { kind: 'child', through }, countries: 'shared' },
      })
      expect(summary(resolved)).toContain(`tasks: child tenant_id by ${name} to projects`)
    }
  })
})
