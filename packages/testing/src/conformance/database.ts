import { testRoles } from '../postgres/roles.ts'
import { tenancySchema } from '../postgres/tenancy-schema.ts'
import type { TestDatabase } from '../postgres/test-database.ts'
import type { TestPostgres } from '../postgres/test-postgres.ts'

/** A database for one run of the suite. */
export function createConformanceDatabase(server: TestPostgres): Promise<TestDatabase> {
  return server.createDatabase({ name: 'conformance', template: 'conformance', setup: conformanceSchema() })
}

/**
 * The tables of `tenancySchema()` and two more: one whose foreign key is checked only by COMMIT, and one whose tenants
 * have text for an id.
 */
function conformanceSchema(): string {
  const textTenant = `nullif(current_setting('app.current_tenant_id', true), '')`
  return [
    tenancySchema(),
    `create table conformance_deferred (
      tenant_id uuid not null default tenantry.tenant_id(),
      project_id uuid not null,
      foreign key (tenant_id, project_id) references projects (tenant_id, id) deferrable initially deferred
    );
    create table conformance_notes (
      tenant_id text not null default ${textTenant},
      note text not null
    );`,
    ownRowsOnly('conformance_deferred', 'tenantry.tenant_id()'),
    ownRowsOnly('conformance_notes', textTenant),
  ].join('\n')
}

function ownRowsOnly(table: string, currentTenant: string): string {
  return `
alter table ${table} enable row level security;
alter table ${table} force row level security;
create policy tenantry_allow on ${table} for all to ${testRoles.app}
  using (tenant_id = (select ${currentTenant})) with check (tenant_id = (select ${currentTenant}));
grant select, insert, update, delete on ${table} to ${testRoles.app};
`
}
