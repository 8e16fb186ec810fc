import { TenantryError } from '@tenantry/core'
import { testRoles } from './roles.ts'

/** The SQL type of tenant ids in {@link tenancySchema}. */
export type TenantIdType = 'uuid' | 'bigint' | 'text'

/** Options of {@link tenancySchema}. */
export interface TenancySchemaOptions {
  /** The type of tenant ids, `'uuid'` by default. All other ids are uuid. */
  readonly tenantId?: TenantIdType
  /** The setting that carries the tenant's id, `'app.current_tenant_id'` by default. */
  readonly setting?: string
}

/**
 * A small schema with tenancy done right, as SQL text, for tests: the tables `tenants`, `users`, `projects` and
 * `tasks`, whose rows belong to tenants, and `plans`, which everybody may read. To be run by the owner, that is,
 * as the `setup` of `createDatabase()`.
 *
 * ```
 * tenants  (id)                   name
 * users    (tenant_id, id)        email, unique within the tenant
 * projects (tenant_id, id)        name, status default 'active'
 * tasks    (tenant_id, id)        project_id -> projects, on delete cascade; title; done default false
 * plans    (id)                   name; 1 free and 2 team; tenantry_app may only read it
 * ```
 *
 * @throws {TenantryError} `INVALID_SETTING` if `setting` is not of the form `prefix.name`.
 *
 * @example
 * ```ts
 * const database = await server.createDatabase({ template: 'tenancy', setup: tenancySchema() })
 * const { acme, globex } = await seedTenants(database.query)
 * ```
 */
export function tenancySchema(options: TenancySchemaOptions = {}): string {
  const { tenantId = 'uuid', setting = 'app.current_tenant_id' } = options
  if (!/^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)+$/i.test(setting)) {
    throw new TenantryError({
      code: 'INVALID_SETTING',
      message: `"${setting.slice(0, 64)}" is not the name of a setting: use the form prefix.name, such as app.current_tenant_id.`,
    })
  }
  return [
    tenantFunction(tenantId, setting),
    tables(tenantId),
    tenantPolicies('tenants', 'id'),
    ...['users', 'projects', 'tasks'].map((table) => tenantPolicies(table, 'tenant_id')),
    grants,
  ].join('\n')
}

/**
 * The setting is '' rather than NULL once a transaction that set it has ended on the connection, hence nullif.
 * A RETURN body is bound when the function is made, so no search_path can change its meaning.
 */
function tenantFunction(type: TenantIdType, setting: string): string {
  return `
create schema tenantry;
grant usage on schema tenantry to public;
create function tenantry.tenant_id() returns ${type} language sql stable parallel safe
  return nullif(current_setting('${setting}', true), '')::${type};
`
}

/** Keys and references carry the tenant: unique indexes and foreign keys look past row-level security. */
function tables(type: TenantIdType): string {
  const tenantColumn = `tenant_id ${type} not null default tenantry.tenant_id() references tenants (id) on delete cascade`
  return `
create table tenants (
  id ${type} primary key,
  name text not null
);
create table users (
  ${tenantColumn},
  id uuid not null default gen_random_uuid(),
  email text not null,
  primary key (tenant_id, id),
  unique (tenant_id, email)
);
create table projects (
  ${tenantColumn},
  id uuid not null default gen_random_uuid(),
  name text not null,
  status text not null default 'active',
  primary key (tenant_id, id)
);
create table tasks (
  ${tenantColumn},
  id uuid not null default gen_random_uuid(),
  project_id uuid not null,
  title text not null,
  done boolean not null default false,
  primary key (tenant_id, id),
  foreign key (tenant_id, project_id) references projects (tenant_id, id) on delete cascade
);
create index on tasks (tenant_id, project_id);
create table plans (
  id int primary key,
  name text not null
);
insert into plans values (1, 'free'), (2, 'team');
`
}

/** `tenantry_allow` admits the application to its tenant's rows; `tenantry_floor` keeps any later policy from admitting more. */
function tenantPolicies(table: string, column: string): string {
  const ownRows = `${column} = (select tenantry.tenant_id())`
  return `
alter table ${table} enable row level security;
alter table ${table} force row level security;
create policy tenantry_allow on ${table} as permissive for all to ${testRoles.app}
  using (${ownRows}) with check (${ownRows});
create policy tenantry_floor on ${table} as restrictive for all to public
  using (${ownRows}) with check (${ownRows});
`
}

const grants = `
grant select, insert, update, delete on tenants, users, projects, tasks to ${testRoles.app}, ${testRoles.system};
grant select on plans to ${testRoles.app};
grant select, insert, update, delete on plans to ${testRoles.system};
`
