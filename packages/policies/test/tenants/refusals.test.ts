import { afterEach, describe, expect, test } from 'vitest'
import { readCatalogue } from '../../src/catalogue/read-catalogue.ts'
import type { TenancyOptions } from '../../src/index.ts'
import { defineTenancy } from '../../src/model/define-tenancy.ts'
import { planTenancy } from '../../src/plan/plan-tenancy.ts'
import { deleteTenant } from '../../src/tenants/delete-tenant.ts'
import { type OpenDatabase, openDatabase } from '../support/open-database.ts'
import { acme, checksumsOfOthers, globex, rejection, resolve, rowsLeft } from './support/workshop.ts'

let database: OpenDatabase
afterEach(() => database.close())

async function open(schema: string, rows: string): Promise<void> {
  database = await openDatabase('refusals', schema)
  await database.superuser(
    `${rows}; grant select, insert, update, delete on all tables in schema public to tenantry_system`,
  )
}

const tenantsTable = 'create table tenants (id uuid primary key, name text);'
const twoTenants = `insert into tenants values ('${acme}', 'acme'), ('${globex}', 'globex');`
const column = 'tenant_id uuid not null references tenants on delete cascade'

const problemsOf = async (model: TenancyOptions): Promise<string[]> => {
  const tenancy = await resolve(database.superuser, model)
  const { problems } = await deleteTenant(database.system, tenancy, acme)
  if (problems.length > 0) {
    const refused = await rejection(deleteTenant(database.system, tenancy, acme, { dryRun: false }))
    expect(refused).toMatchObject({ code: 'OFFBOARDING_REFUSED', problems })
    for (const { message } of problems) expect(refused.message).toContain(message)
  }
  return problems.map(({ code, object }) => `${code} ${object}`)
}

const deletes = async (model: TenancyOptions): Promise<void> => {
  const tenancy = await resolve(database.superuser, model)
  await deleteTenant(database.system, tenancy, acme, { dryRun: false, batchSize: 1 })
}

/** Whether `naive` changes another tenant's rows. It is rolled back. */
async function attack(naive: string, tables: Record<string, string>): Promise<boolean> {
  const before = await checksumsOfOthers(database.superuser, tables, acme)
  await database.superuser(`begin; ${naive}`)
  const after = await checksumsOfOthers(database.superuser, tables, acme)
  await database.superuser('rollback')
  return JSON.stringify(before) !== JSON.stringify(after)
}

describe('keys that do not carry the tenant', () => {
  const tables = { tenants: 'id', projects: 'tenant_id', tasks: 'tenant_id' }
  const schema = (action: string): string => `${tenantsTable}
    create table projects (id int primary key, ${column});
    create table tasks (id int primary key, ${column}, project_id int constraint leads_out references projects ${action});`
  const mixed = `${twoTenants}
    insert into projects values (1, '${acme}'), (2, '${globex}');
    insert into tasks values (1, '${acme}', 1), (2, '${globex}', 2), (3, '${globex}', 1);`

  test.each(['on delete cascade', 'on delete set null', 'on delete set default'])(
    'and act %s are refused, because deleting the tenant reaches another tenant',
    async (action) => {
      await open(schema(action), mixed)
      expect(await attack(`delete from tenants where id = '${acme}'`, tables)).toBe(true)
      expect(await attack(`delete from projects where tenant_id = '${acme}'`, tables)).toBe(true)

      const before = await checksumsOfOthers(database.superuser, tables, acme)
      expect(await problemsOf({ tenantTable: 'tenants' })).toEqual([
        'UNSUPPORTED_KEY public.tasks (project_id)',
        'TENANTS_MIXED public.tasks (project_id)',
      ])
      expect(await checksumsOfOthers(database.superuser, tables, acme)).toEqual(before)

      // Even while no row crosses, because one may at any time.
      await database.superuser('delete from tasks where id = 3')
      expect(await problemsOf({ tenantTable: 'tenants' })).toEqual([
        'UNSUPPORTED_KEY public.tasks (project_id)',
      ])
    },
  )

  test('carry it once the plan was applied: the same deletion leaves other tenants alone', async () => {
    await open(schema('on delete cascade'), mixed)
    await database.superuser('delete from tasks where id = 3')
    const plan = planTenancy(
      defineTenancy({ tenantTable: 'tenants' }),
      await readCatalogue(database.superuser, { schemas: ['public'] }),
    )
    for (const { statements } of plan.steps) for (const each of statements) await database.superuser(each)

    const cross = `insert into tasks (id, tenant_id, project_id) values (3, '${globex}', 1)`
    await expect(database.superuser(cross)).rejects.toMatchObject({ code: '23503' })
    const before = await checksumsOfOthers(database.superuser, tables, acme)
    await deletes({ tenantTable: 'tenants' })
    expect(await rowsLeft(database.superuser, tables, acme)).toEqual({})
    expect(await checksumsOfOthers(database.superuser, tables, acme)).toEqual(before)
  })

  test('but act in no way stop it only where a row does cross', async () => {
    await open(schema(''), mixed)
    const tenancy = await resolve(database.superuser, { tenantTable: 'tenants' })
    const { problems } = await deleteTenant(database.system, tenancy, acme)
    expect(problems).toMatchObject([{ code: 'TENANTS_MIXED', rows: { count: 1, examples: ['1'] } }])

    await database.superuser('delete from tasks where id = 3')
    const before = await checksumsOfOthers(database.superuser, tables, acme)
    await deletes({ tenantTable: 'tenants' })
    expect(await rowsLeft(database.superuser, tables, acme)).toEqual({})
    expect(await checksumsOfOthers(database.superuser, tables, acme)).toEqual(before)
  })

  test('are fine beside one that does, as the plan leaves them on old servers', async () => {
    await open(
      `${schema('on delete set null')}
       alter table projects add unique (tenant_id, id);
       alter table tasks add foreign key (tenant_id, project_id) references projects (tenant_id, id);`,
      `${twoTenants} insert into projects values (1, '${acme}'), (2, '${globex}');
       insert into tasks values (1, '${acme}', 1), (2, '${globex}', 2);`,
    )
    await deletes({ tenantTable: 'tenants' })
    expect(await rowsLeft(database.superuser, tables, acme)).toEqual({})
  })

  test('are not fine beside one that is NOT VALID, under which rows may cross already', async () => {
    await open(schema('on delete cascade'), mixed)
    await database.superuser(
      `alter table projects add unique (tenant_id, id);
       alter table tasks add foreign key (tenant_id, project_id) references projects (tenant_id, id) not valid`,
    )
    expect(await problemsOf({ tenantTable: 'tenants' })).toContain(
      'UNSUPPORTED_KEY public.tasks (project_id)',
    )
  })
})

describe('keys that cannot carry the tenant', () => {
  const tables = { tenants: 'id', labels: 'tenant_id', marks: 'tenant_id' }
  const model: TenancyOptions = { tenantTable: 'tenants', tables: { labels: 'shared+tenant' } }
  const schema = `${tenantsTable}
    alter table tenants add referred_by uuid references tenants on delete set null;
    create table labels (id int primary key, tenant_id uuid references tenants);
    create table marks (id int primary key, ${column}, label_id int references labels on delete cascade);`
  const rows = `${twoTenants}
    insert into labels values (1, '${acme}'), (2, '${globex}'), (3, null), (4, '${acme}');
    insert into marks values (1, '${acme}', 1), (2, '${globex}', 2), (3, '${globex}', 3), (4, '${acme}', 3);`

  test('are looked through for rows of others, which stop it', async () => {
    await open(schema, rows)
    await database.superuser(
      `insert into marks values (5, '${globex}', 1); update tenants set referred_by = '${acme}' where id = '${globex}'`,
    )
    expect(await attack(`delete from labels where tenant_id = '${acme}'`, tables)).toBe(true)
    expect(await problemsOf(model)).toEqual([
      'TENANTS_MIXED public.marks (label_id)',
      'TENANTS_MIXED public.tenants (referred_by)',
    ])
  })

  test('do not stop it while no row of others is in the way', async () => {
    await open(schema, rows)
    const before = await checksumsOfOthers(database.superuser, tables, acme)
    await deletes(model)
    expect(await rowsLeft(database.superuser, tables, acme)).toEqual({})
    expect(await checksumsOfOthers(database.superuser, tables, acme)).toEqual(before)
  })

  test.each([
    ['a label', 'public.marks', `insert into marks values (6, '${globex}', 4)`],
    [
      'the tenant itself',
      'public.labels',
      `update tenants set referred_by = '${acme}' where id = '${globex}'`,
    ],
  ])(
    'are asked again in each batch: a row that came to refer to %s stops it unharmed',
    async (_, after, sql) => {
      await open(schema, rows)
      const tenancy = await resolve(database.superuser, model)
      const other = await database.connect('superuser')
      let before: unknown
      const refused = await rejection(
        deleteTenant(database.system, tenancy, acme, {
          dryRun: false,
          batchSize: 1,
          onProgress: async ({ table }) => {
            if (table !== after || before !== undefined) return
            await other.query(sql)
            before = await checksumsOfOthers(other.query, tables, acme)
          },
        }),
      )
      await other.end()
      expect(refused).toMatchObject({ code: 'OFFBOARDING_REFUSED', problems: [{ code: 'TENANTS_MIXED' }] })
      expect(await checksumsOfOthers(database.superuser, tables, acme)).toEqual(before)

      await database.superuser(`delete from marks where id = 6; update tenants set referred_by = null`)
      await deletes(model)
      expect(await rowsLeft(database.superuser, tables, acme)).toEqual({})
    },
  )

  test('are locked first: who is about to refer to a row is waited for and seen', async () => {
    await open(schema, rows)
    const tenancy = await resolve(database.superuser, model)
    const other = await database.connect('superuser')
    const observer = await database.connect('superuser')
    let begun = false
    const deletion = rejection(
      deleteTenant(database.system, tenancy, acme, {
        dryRun: false,
        onProgress: async ({ table }) => {
          if (table !== 'public.marks' || begun) return
          begun = true
          await other.query('begin')
          await other.query(`insert into marks values (6, '${globex}', 4)`)
        },
      }),
    )
    // Until the deletion waits for the row that the insert has locked.
    for (;;) {
      const { rows: waiting } = await observer.query(
        `select 1 from pg_stat_activity where datname = current_database() and usename = 'tenantry_system' and wait_event_type = 'Lock'`,
      )
      if (waiting.length > 0) break
    }
    await other.query('commit')
    expect(await deletion).toMatchObject({
      code: 'OFFBOARDING_REFUSED',
      problems: [{ code: 'TENANTS_MIXED' }],
    })
    expect((await observer.query('select 1 from marks where id = 6')).rows).toHaveLength(1)
    await other.end()
    await observer.end()
  })
})

describe('the tenant table', () => {
  test('may refer to rows of the tenant that do not refer back: they go together with it', async () => {
    await open(
      `create table users (id int primary key, tenant_id uuid not null, name text);
       create table tenants (id uuid primary key, owner_id int references users);`,
      `insert into users select n, case when n % 2 = 0 then '${acme}'::uuid else '${globex}' end from generate_series(1, 9) n;
       insert into tenants values ('${acme}', 2), ('${globex}', 1);`,
    )
    const tables = { tenants: 'id', users: 'tenant_id' }
    const before = await checksumsOfOthers(database.superuser, tables, acme)
    await deletes({ tenantTable: 'tenants' })
    expect(await rowsLeft(database.superuser, tables, acme)).toEqual({})
    expect(await checksumsOfOthers(database.superuser, tables, acme)).toEqual(before)
  })
})

describe('rows of nobody', () => {
  test('that refer to a row of the tenant stop it, because they are everybody else’s too', async () => {
    await open(
      `${tenantsTable} create table labels (id int primary key, tenant_id uuid references tenants, parent int references labels on delete cascade);`,
      `${twoTenants} insert into labels values (1, '${acme}', null), (2, null, 1);`,
    )
    const tables = { tenants: 'id', labels: 'tenant_id' }
    expect(await attack(`delete from labels where tenant_id = '${acme}'`, tables)).toBe(true)
    expect(await problemsOf({ tenantTable: 'tenants', tables: { labels: 'shared+tenant' } })).toEqual([
      'TENANTS_MIXED public.labels (parent)',
    ])
  })
})

describe('rows outside of the tenancy', () => {
  const tables = { tenants: 'id', users: 'tenant_id' }
  const schema = `${tenantsTable} create table users (id int primary key, ${column}); create schema elsewhere;`
  const rows = `${twoTenants} insert into users values (1, '${acme}'), (2, '${globex}');`

  test.each(['', 'on delete cascade', 'on delete set null'])(
    'that refer to the tenant (%s) stop it, from an excluded table and from a schema that nobody named',
    async (action) => {
      await open(
        `${schema}
         create table audit (id int primary key, user_id int references users ${action});
         create table elsewhere.sessions (user_id int references public.users ${action}, tenant uuid references tenants ${action});
         grant usage on schema elsewhere to tenantry_system;`,
        `${rows} insert into audit values (1, 1), (2, 2); insert into elsewhere.sessions values (1, '${acme}'), (2, '${globex}');
         grant select, delete on all tables in schema elsewhere to tenantry_system`,
      )
      const model: TenancyOptions = { tenantTable: 'tenants', tables: { audit: 'excluded' } }
      expect(await problemsOf(model)).toEqual([
        'TENANTS_MIXED elsewhere.sessions (tenant)',
        'TENANTS_MIXED elsewhere.sessions (user_id)',
        'TENANTS_MIXED public.audit (user_id)',
      ])
      await database.superuser(
        `delete from audit where id = 1; delete from elsewhere.sessions where user_id = 1`,
      )
      await deletes(model)
      expect(await rowsLeft(database.superuser, tables, acme)).toEqual({})
      const kept = await database.superuser(
        'select (select count(*)::int from audit) as audit, (select count(*)::int from elsewhere.sessions) as sessions',
      )
      expect(kept.rows).toEqual([{ audit: 1, sessions: 1 }])
    },
  )

  test('that the role may not see stop it as well', async () => {
    await open(
      `${schema} create table elsewhere.sessions (user_id int references public.users on delete cascade);`,
      rows,
    )
    expect(await problemsOf({ tenantTable: 'tenants' })).toEqual(['MISSING_PRIVILEGE elsewhere.sessions'])
  })
})

describe('tables that a deletion cannot be sure of', () => {
  test('without the tenant column yet', async () => {
    await open(
      `${tenantsTable} create table projects (id int primary key, ${column});
       create table tasks (id int primary key, project_id int not null references projects on delete cascade);`,
      `${twoTenants} insert into projects values (1, '${acme}'); insert into tasks values (1, 1);`,
    )
    expect(await problemsOf({ tenantTable: 'tenants', tables: { tasks: 'child' } })).toEqual([
      'UNKNOWN_COLUMN public.tasks.tenant_id',
      'UNSUPPORTED_KEY public.tasks (project_id)',
    ])
  })

  test('with rules, which turn a DELETE into something else', async () => {
    await open(
      `${tenantsTable} create table notes (${column}, text text);
       create rule keep as on delete to notes do instead nothing;`,
      `${twoTenants} insert into notes values ('${acme}', 'kept')`,
    )
    expect(await problemsOf({ tenantTable: 'tenants' })).toEqual(['UNSUPPORTED_TABLE public.notes'])
  })

  test('that are gone since the catalogue was read', async () => {
    await open(`${tenantsTable} create table notes (${column}, text text);`, twoTenants)
    const tenancy = await resolve(database.superuser, { tenantTable: 'tenants' })
    await database.superuser('drop table notes')
    const { problems } = await deleteTenant(database.system, tenancy, acme)
    expect(problems).toMatchObject([{ code: 'UNKNOWN_TABLE', object: 'public.notes' }])
  })

  test('and a key that came since then is seen, because keys are read from the server', async () => {
    await open(
      `${tenantsTable} create table projects (id int primary key, ${column}); create table tasks (${column}, project_id int);`,
      `${twoTenants} insert into projects values (1, '${acme}'); insert into tasks values ('${globex}', 1);`,
    )
    const tenancy = await resolve(database.superuser, { tenantTable: 'tenants' })
    await database.superuser(
      'alter table tasks add foreign key (project_id) references projects on delete cascade',
    )
    const { problems } = await deleteTenant(database.system, tenancy, acme)
    expect(problems.map(({ code }) => code)).toEqual(['UNSUPPORTED_KEY', 'TENANTS_MIXED'])
  })
})
