import type { ProofSchema } from './proof-schema.ts'

/** A database in which someone has begun, and not as the plan would have. */
export const halfDone: ProofSchema = {
  name: 'a database in which someone has begun',
  setup: `
    CREATE SCHEMA tenantry;
    CREATE FUNCTION tenantry.tenant_id() RETURNS uuid LANGUAGE sql AS 'SELECT NULL::uuid';
    CREATE TABLE tenants (id uuid PRIMARY KEY);
    CREATE TABLE projects (id uuid PRIMARY KEY, tenant_id uuid DEFAULT gen_random_uuid());
    CREATE TABLE tasks (id uuid PRIMARY KEY, project_id uuid NOT NULL REFERENCES projects, tenant_id uuid);
    CREATE TABLE notes (id uuid PRIMARY KEY, tenant_id uuid NOT NULL REFERENCES tenants, task_id uuid);
    ALTER TABLE notes ADD CONSTRAINT of_task FOREIGN KEY (task_id) REFERENCES tasks NOT VALID;
    CREATE UNIQUE INDEX projects_of_tenant ON projects (tenant_id, id);
    CREATE INDEX tasks_of_tenant ON tasks (tenant_id) WHERE tenant_id IS NOT NULL;
    ALTER TABLE projects ENABLE ROW LEVEL SECURITY;
    ALTER TABLE projects FORCE ROW LEVEL SECURITY;
    CREATE POLICY tenantry_allow ON projects USING (true);
    CREATE POLICY tenantry_floor ON projects AS RESTRICTIVE FOR SELECT TO tenantry_app USING (true);
    ALTER TABLE tasks FORCE ROW LEVEL SECURITY;
    ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
    CREATE POLICY mine ON notes TO tenantry_app
      USING (tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::uuid);
    GRANT SELECT ON projects TO PUBLIC;
    GRANT UPDATE (id), REFERENCES (id) ON projects TO tenantry_app;
    GRANT ALL ON tasks TO tenantry_app WITH GRANT OPTION;
    INSERT INTO tenants VALUES ('aaaaaaaa-0000-4000-8000-000000000000'), ('bbbbbbbb-0000-4000-8000-000000000000');
    ALTER TABLE projects NO FORCE ROW LEVEL SECURITY;
    INSERT INTO projects SELECT id, id FROM tenants;
    INSERT INTO tasks SELECT id, id, id FROM tenants;
    INSERT INTO notes SELECT id, id, id FROM tenants;
    ALTER TABLE projects FORCE ROW LEVEL SECURITY;`,
  tenancy: { tenantTable: 'tenants', roles: { owner: 'tenantry_owner' } },
}
