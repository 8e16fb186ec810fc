import { expect, test } from 'vitest'
import { undoPlan } from '../../../src/apply/apply-plan.ts'
import type { PlanShape, TenancyOptions } from '../../../src/index.ts'
import { openDatabase, type OpenDatabase } from '../../support/open-database.ts'
import { apply, catalogueFor, expectPlanned, expectRoundTrip, planFor, refusal } from './planning.ts'
import { acting, dropRole, uniqueRole, withRole } from './roles-in-tests.ts'

const A = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa'
const B = 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb'

const setup = `
  create sequence numbers;
  create table tenants (id uuid primary key);
  create table notes (
    tenant_id uuid not null references tenants, id serial, number integer default nextval('numbers'), body text,
    primary key (tenant_id, id)
  );
  create table events (
    tenant_id uuid not null references tenants, id integer, at date, primary key (tenant_id, id, at)
  ) partition by range (at);
  create table events_2026 partition of events for values from ('2026-01-01') to ('2027-01-01');
  create view texts as select body from notes;
  create materialized view kept as select * from notes;
  insert into tenants values ('${A}'), ('${B}');
  insert into notes (tenant_id, body) values ('${A}', 'of A'), ('${B}', 'of B');
`

async function withDatabase(name: string, work: (database: OpenDatabase) => Promise<void>): Promise<void> {
  const database = await openDatabase(name, setup)
  try {
    await work(database)
  } finally {
    await database.close()
  }
}

test('roles that do not exist are made without a password, and dropped by undoing the plan', async () => {
  await withDatabase('roles-made', async (database) => {
    const [app, system] = [`${uniqueRole()} "odd"$$`, uniqueRole()]
    const options: TenancyOptions = { tenantTable: 'tenants', roles: { app, system } }
    const quoted = `"${app.replaceAll('"', '""')}"`
    try {
      const plan = await expectRoundTrip(database.superuser, options, 'online')
      const { rows } = await database.superuser(
        `select rolname, rolsuper, rolbypassrls, rolcanlogin, rolcreaterole, rolcreatedb, rolreplication, rolpassword
         from pg_authid where rolname in ($1, $2) order by rolbypassrls`,
        [app, system],
      )
      const weak = {
        rolsuper: false,
        rolcanlogin: true,
        rolcreaterole: false,
        rolcreatedb: false,
        rolreplication: false,
        rolpassword: null,
      }
      expect(rows).toEqual([
        { rolname: app, rolbypassrls: false, ...weak },
        { rolname: system, rolbypassrls: true, ...weak },
      ])
      expect(
        plan.notes.filter(({ message }) => message.includes('password')).map(({ object }) => object),
      ).toEqual([`role ${app}`, `role ${system}`])
      expect((await acting(database, quoted, A)('select body from notes')).rows).toEqual([{ body: 'of A' }])
      expect((await acting(database, system, A)('select body from notes')).rows).toHaveLength(2)
    } finally {
      await dropRole(database.superuser, system)
      await database.superuser(`drop owned by ${quoted}`)
      await database.superuser(`drop role ${quoted}`)
    }
  })
})

test('a plan that was cut off before it made its roles and its schema can be taken back', async () => {
  await withDatabase('roles-cut', async (database) => {
    const options: TenancyOptions = {
      tenantTable: 'tenants',
      roles: { app: uniqueRole(), system: uniqueRole() },
    }
    const before = await catalogueFor(database.superuser, options)
    for (const shape of ['offline', 'online'] as const) {
      await undoPlan(database.superuser, await planFor(database.superuser, options, shape))
      expect(await catalogueFor(database.superuser, options)).toEqual(before)
    }
  })
})

test('a role without CREATEROLE is told before anything is changed', async () => {
  await withDatabase('roles-refused', async (database) => {
    const options: TenancyOptions = { tenantTable: 'tenants', roles: { app: uniqueRole() } }
    const before = await catalogueFor(database.owner, options)
    expect(await refusal(apply(database.owner, options))).toContain('CREATEROLE')
    expect(await catalogueFor(database.owner, options)).toEqual(before)
  })
})

test.each<PlanShape>(['offline', 'online'])(
  'tables, sequences and views pass to the owner of the model (%s), and an application that owned them keeps what it needs',
  async (shape) => {
    await withDatabase('roles-owner', async (database) => {
      await withRole(database, 'nologin', async (owner) => {
        await withRole(database, 'nologin', async (app) => {
          await database.superuser(`grant all on schema public to ${app}`)
          for (const name of [
            'table tenants',
            'table notes',
            'table events',
            'view texts',
            'materialized view kept',
          ]) {
            await database.superuser(`alter ${name} owner to ${app}`)
          }
          await database.superuser(
            `alter sequence numbers owner to ${app}; grant select on notes, numbers to ${owner}`,
          )
          const as = acting(database, app, A)
          expect(await refusal(as('alter table notes disable row level security'))).toBe('not refused')
          expect((await as('select * from notes')).rows).toHaveLength(2)

          const options: TenancyOptions = { tenantTable: 'tenants', roles: { app, owner } }
          const plan = await expectRoundTrip(database.superuser, options, shape)
          expect(plan.steps.find(({ id }) => id === 'public.notes: owner')?.phase).toBe('contract')
          const { rows } = await database.superuser(
            `select relname::text from pg_class where relnamespace = 'public'::regnamespace
               and relkind in ('r', 'p', 'v', 'S', 'm') and relowner <> $1::regrole`,
            [owner],
          )
          expect(rows).toEqual([])
          expect((await as('select body from notes')).rows).toEqual([{ body: 'of A' }])
          expect((await as('select body from texts')).rows).toEqual([{ body: 'of A' }])
          expect(
            (await as("insert into notes (body) values ('new') returning id, number")).rows,
          ).toHaveLength(1)
          expect(await refusal(as('truncate notes'))).toBe('permission denied for table notes')
          expect(await refusal(as('alter table notes disable row level security'))).toBe(
            'must be owner of table notes',
          )
          expect(await refusal(as('select * from kept'))).toBe('permission denied for materialized view kept')
        })
      })
    })
  },
)

test('until contract, an application that signs in as the present owner goes on working', async () => {
  await withDatabase('roles-phases', async (database) => {
    await withRole(database, 'nologin', async (owner) => {
      const options: TenancyOptions = { tenantTable: 'tenants', roles: { owner } }
      const plan = await planFor(database.superuser, options, 'online')
      for (const step of plan.steps.filter(({ phase }) => phase !== 'contract')) {
        for (const statement of step.statements) await database.superuser(statement)
        expect((await database.owner('select body from notes order by 1')).rows, step.id).toHaveLength(2)
      }
      expect((await database.as(A)('select body from notes')).rows).toEqual([{ body: 'of A' }])
    })
  })
})

test('a plan of the owner of the tables itself changes no owner', async () => {
  await withDatabase('roles-same', async (database) => {
    const options: TenancyOptions = { tenantTable: 'tenants', roles: { owner: 'tenantry_owner' } }
    const plan = await expectRoundTrip(database.owner, options)
    expect(plan.steps.filter(({ id }) => id.endsWith(': owner'))).toEqual([])
    await expectPlanned(database.superuser, options)
  })
})
