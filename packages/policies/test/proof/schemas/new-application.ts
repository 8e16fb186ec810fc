import type { ProofSchema } from './proof-schema.ts'

/** Tables as a migration tool has just made them: no rows, no policies, no grants, and nothing to tell what is whose. */
export const newApplication: ProofSchema = {
  name: 'a new application without rows',
  setup: `
    CREATE TABLE tenants (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL);
    CREATE TABLE memberships (
      tenant_id uuid NOT NULL REFERENCES tenants,
      user_id uuid NOT NULL,
      PRIMARY KEY (tenant_id, user_id)
    );
    CREATE TABLE projects (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      tenant_id uuid REFERENCES tenants,
      name text NOT NULL UNIQUE
    );
    CREATE TABLE tasks (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
      title text NOT NULL
    );
    CREATE TABLE settings (tenant uuid PRIMARY KEY REFERENCES tenants ON DELETE CASCADE, colour text);
    CREATE TABLE _prisma_migrations (id text PRIMARY KEY);`,
  tenancy: {
    tenantTable: 'tenants',
    tables: { tasks: 'child', settings: { kind: 'tenant', column: 'tenant' } },
  },
}
