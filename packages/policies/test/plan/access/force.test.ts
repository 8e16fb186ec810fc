import { afterEach, beforeEach, expect, test } from 'vitest'
import { applyPlan } from '../../../src/apply/apply-plan.ts'
import type { TenancyOptions } from '../../../src/index.ts'
import { openDatabase, type OpenDatabase } from '../../support/open-database.ts'
import { expectPlanned, expectRoundTrip, planFor } from './planning.ts'

const A = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa'
const B = 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb'
const options: TenancyOptions = { tenantTable: 'tenants', tables: { comments: 'child' } }

let database: OpenDatabase
beforeEach(async () => {
  database = await openDatabase(
    'force',
    `create table tenants (id uuid primary key);
     create table notes (tenant_id uuid not null references tenants, id integer, primary key (tenant_id, id), unique (id));
     create table comments (id integer primary key, note_id integer not null references notes (id));
     insert into tenants values ('${A}'), ('${B}');
     insert into notes values ('${A}', 1), ('${B}', 2);
     insert into comments values (1, 1), (2, 2), (3, 2)`,
  )
})
afterEach(() => database.close())

async function forceFirst(): Promise<void> {
  await database.owner(
    `alter table notes enable row level security; alter table notes force row level security;
     create policy own on notes using (tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::uuid)`,
  )
}

test.each(['offline', 'online'] as const)(
  'under FORCE the owner fills no row, so that a plan of the owner lifts it for its own time (%s)',
  async (shape) => {
    await forceFirst()
    await database.owner('alter table comments add tenant uuid')
    await database.owner(
      'update comments set tenant = (select tenant_id from notes where notes.id = comments.note_id)',
    )
    expect((await database.superuser('select from comments where tenant is not null')).rows).toEqual([])
    await database.owner('alter table comments drop tenant')

    const { steps } = await planFor(database.owner, options, shape)
    expect(steps.map(({ id }) => id)).toContain('public.notes: lift force')
    await expectRoundTrip(database.owner, options, shape)
    const { rows } = await database.superuser('select id, tenant_id from comments order by id')
    expect(rows).toEqual([
      { id: 1, tenant_id: A },
      { id: 2, tenant_id: B },
      { id: 3, tenant_id: B },
    ])
    const { rows: forced } = await database.superuser('select from pg_class where relforcerowsecurity')
    expect(forced).toHaveLength(3)
  },
)

test('a plan of a superuser lifts nothing', async () => {
  await forceFirst()
  const { steps } = await planFor(database.superuser, options)
  expect(steps.filter(({ id }) => id.endsWith('lift force'))).toEqual([])
})

test('a plan cut off while FORCE is lifted is finished by the next one', async () => {
  await forceFirst()
  const plan = await planFor(database.owner, options, 'online')
  await applyPlan(database.owner, plan, { until: 'expand' })
  expect((await database.superuser('select from pg_class where relforcerowsecurity')).rows).toHaveLength(0)
  const rest = await planFor(database.owner, options, 'online')
  await applyPlan(database.owner, rest)
  await expectPlanned(database.owner, options)
  expect((await database.superuser('select from pg_class where relforcerowsecurity')).rows).toHaveLength(3)
})
