import type { ResolvedTenancy, TenantryError } from '../../../src/index.ts'
import { readCatalogue } from '../../../src/catalogue/read-catalogue.ts'
import { defineTenancy } from '../../../src/model/define-tenancy.ts'
import { resolveTenancy } from '../../../src/model/resolve-tenancy.ts'
import type { TenancyOptions } from '../../../src/model/tenancy.ts'
import type { Query } from '../../../src/query.ts'
import { type OpenDatabase, openDatabase } from '../../support/open-database.ts'

export const acme = '0a7c1e52-6f3b-4d18-9c40-2b8e5f1d7a01'
export const globex = '7d2f9b36-1c84-4e5a-8b17-93a0c6e4f502'
export const initech = 'c3e8d1a4-52b7-4f06-9d3e-64b1f70a2c03'
export const tenants = [acme, globex, initech] as const

/**
 * One of everything that offboarding has to get along with: composite keys, quoted names, a tree with RESTRICT, a circle
 * of two tables, a circle through the tenant table, partitions on two levels with equal row positions, an inheriting
 * table, rows that belong to all, and a table that takes no part.
 */
export const workshopSchema = `
create schema tenantry;
grant usage on schema tenantry to public;
create function tenantry.tenant_id() returns uuid language sql stable parallel safe
  return nullif(current_setting('app.current_tenant_id', true), '')::uuid;

create table tenants (id uuid primary key, name text not null, owner_id int);
create table "Users" (
  tenant_id uuid not null default tenantry.tenant_id() references tenants,
  id int not null,
  "E-mail ""address""" text not null,
  manager_id int,
  primary key (tenant_id, id),
  unique (tenant_id, "E-mail ""address"""),
  foreign key (tenant_id, manager_id) references "Users" (tenant_id, id) on delete restrict
);
alter table tenants add foreign key (id, owner_id) references "Users" (tenant_id, id);
create table projects (
  tenant_id uuid not null default tenantry.tenant_id() references tenants on delete cascade,
  id int not null,
  name text not null,
  first_task_id int,
  primary key (tenant_id, id)
);
create table tasks (
  tenant_id uuid not null default tenantry.tenant_id(),
  id int not null,
  project_id int not null,
  title text not null,
  primary key (tenant_id, id),
  foreign key (tenant_id, project_id) references projects (tenant_id, id) on delete cascade
);
alter table projects add foreign key (tenant_id, first_task_id) references tasks (tenant_id, id) on delete restrict;
create table events (
  tenant_id uuid not null default tenantry.tenant_id(),
  at timestamptz not null,
  id int not null,
  task_id int not null,
  primary key (tenant_id, at, id),
  foreign key (tenant_id, task_id) references tasks (tenant_id, id)
) partition by range (at);
create table events_2024 partition of events for values from ('2024-01-01') to ('2025-01-01');
create table events_2025 partition of events for values from ('2025-01-01') to ('2026-01-01') partition by hash (id);
create table events_2025_even partition of events_2025 for values with (modulus 2, remainder 0);
create table events_2025_odd partition of events_2025 for values with (modulus 2, remainder 1);
create table notes (tenant_id uuid not null default tenantry.tenant_id(), text text);
create table pinned_notes (since date) inherits (notes);
create table labels (id int primary key, tenant_id uuid, name text not null);
create table task_labels (
  tenant_id uuid not null default tenantry.tenant_id(),
  task_id int not null,
  label_id int not null references labels on delete cascade,
  primary key (tenant_id, task_id, label_id),
  foreign key (tenant_id, task_id) references tasks (tenant_id, id) on delete cascade
);
create table plans (id int primary key, name text not null);
create table access_log (tenant_id uuid, line text);

grant select, insert, update, delete on all tables in schema public to tenantry_system;
`

export const workshopTables: Readonly<Record<string, string>> = {
  tenants: 'id',
  '"Users"': 'tenant_id',
  projects: 'tenant_id',
  tasks: 'tenant_id',
  events: 'tenant_id',
  'only notes': 'tenant_id',
  pinned_notes: 'tenant_id',
  labels: 'tenant_id',
  task_labels: 'tenant_id',
}

export const workshopModel: TenancyOptions = {
  tenantTable: 'tenants',
  tables: { labels: 'shared+tenant', plans: 'shared', access_log: 'excluded' },
}

/** Row-level security as Tenantry's plan makes it. */
export function policies(tables: Readonly<Record<string, string>>): string {
  return Object.entries(tables)
    .map(([name, column]) => {
      const table = name.replace('only ', '')
      const own = `${column} = (select tenantry.tenant_id())`
      return `
        alter table ${table} enable row level security;
        alter table ${table} force row level security;
        create policy tenantry_allow on ${table} for all to tenantry_app using (${own}) with check (${own});
        create policy tenantry_floor on ${table} as restrictive for all to public using (${own}) with check (${own});
        grant select, insert, update, delete on ${table} to tenantry_app;`
    })
    .join('\n')
}

/** Rows of each tenant in every table of the workshop; `size` tasks each. */
export async function seedWorkshop(superuser: Query, size = 6): Promise<void> {
  await superuser(`
    insert into labels values (0, null, 'everybody''s');
    insert into plans values (1, 'free');
    insert into tenants select id, 'tenant ' || id from unnest('{${tenants.join()}}'::uuid[]) as id;
    insert into "Users" select t.id, n, 'user' || n || '@' || t.id, nullif(n / 2, 0) from tenants t, generate_series(1, ${size}) n;
    update tenants set owner_id = 1;
    insert into projects select t.id, n, 'project ' || n from tenants t, generate_series(1, 2) n;
    insert into tasks select t.id, n, n % 2 + 1, 'task ' || n from tenants t, generate_series(1, ${size}) n;
    update projects set first_task_id = case id when 1 then 2 else 1 end;
    insert into events select t.id, timestamptz '2024-06-01' + n % 2 * interval '1 year', n, n
      from tenants t, generate_series(1, ${size}) n;
    insert into notes select t.id, 'note ' || n from tenants t, generate_series(1, 2) n;
    insert into pinned_notes select t.id, 'pinned', '2025-01-01' from tenants t;
    insert into labels select row_number() over (), t.id, 'label' from tenants t;
    insert into task_labels select t.id, 1, l.id from tenants t join labels l on l.tenant_id is null or l.tenant_id = t.id;
    insert into access_log select t.id, 'signed in' from tenants t;
  `)
}

export async function resolve(query: Query, options: TenancyOptions): Promise<ResolvedTenancy> {
  const tenancy = defineTenancy(options)
  return resolveTenancy(tenancy, await readCatalogue(query, tenancy))
}

export interface Workshop {
  readonly database: OpenDatabase
  readonly tenancy: ResolvedTenancy
}

export async function openWorkshop(name: string, size?: number): Promise<Workshop> {
  const database = await openDatabase(name, workshopSchema)
  await seedWorkshop(database.superuser, size)
  await database.superuser(policies(workshopTables))
  const tenancy = await resolve(database.superuser, workshopModel)
  return { database, tenancy }
}

/** A checksum for each table of all rows that are not the tenant's, rows of nobody included. */
export async function checksumsOfOthers(
  superuser: Query,
  tables: Readonly<Record<string, string>>,
  id: string,
): Promise<Readonly<Record<string, string>>> {
  const checksums: Record<string, string> = {}
  for (const [table, column] of Object.entries(tables)) {
    const { rows } = await superuser(
      `select count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' order by t::text)), '') as checksum
       from ${table} as t where ${column}::text is distinct from $1`,
      [id],
    )
    checksums[table] = String(rows[0]?.['checksum'])
  }
  return checksums
}

/** The tables that have rows of the tenant, with how many. */
export async function rowsLeft(
  superuser: Query,
  tables: Readonly<Record<string, string>>,
  id: string,
): Promise<Readonly<Record<string, number>>> {
  const left: Record<string, number> = {}
  for (const [table, column] of Object.entries(tables)) {
    const { rows } = await superuser(
      `select count(*)::int as rows from ${table} where ${column}::text = $1`,
      [id],
    )
    if (rows[0]?.['rows'] !== 0) left[table] = Number(rows[0]?.['rows'])
  }
  return left
}

/** What a promise rejects with, which tests then compare. */
export async function rejection(promise: Promise<unknown>): Promise<TenantryError> {
  try {
    await promise
  } catch (error) {
    return error as TenantryError
  }
  throw new Error('It did not fail.')
}
