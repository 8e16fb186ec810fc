-- A project-management SaaS on one database: companies (tenants), their people, projects and tasks.
-- Run by the owner role. Three ideas to look for:
--   1. every key and every foreign key carries tenant_id, because PostgreSQL's unique indexes and foreign keys
--      do not look at row level security: without it, one tenant's task could hang on another's project;
--   2. every index is led by tenant_id, because that is the condition the policies add to each statement;
--   3. two policies a table: one lets the application in, the other is a floor that no later policy can widen.

CREATE SCHEMA tenantry;
GRANT USAGE ON SCHEMA tenantry TO tenantry_app, tenantry_system;

-- The tenant of the running transaction. nullif, because a setting that was local to a transaction reads as ''
-- afterwards, not as NULL, for as long as the connection lives.
CREATE FUNCTION tenantry.tenant_id() RETURNS uuid
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN nullif(current_setting('app.current_tenant_id', true), '')::uuid;

CREATE TABLE tenants (
  id         uuid PRIMARY KEY DEFAULT tenantry.tenant_id(),
  name       text NOT NULL,
  plan       text NOT NULL DEFAULT 'free' CHECK (plan IN ('free', 'team', 'business')),
  country    text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE users (
  tenant_id  uuid NOT NULL DEFAULT tenantry.tenant_id() REFERENCES tenants (id),
  id         uuid NOT NULL DEFAULT gen_random_uuid(),
  email      text NOT NULL,
  name       text NOT NULL,
  role       text NOT NULL DEFAULT 'member' CHECK (role IN ('admin', 'member', 'guest')),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, email)
);

CREATE TABLE projects (
  tenant_id  uuid NOT NULL DEFAULT tenantry.tenant_id() REFERENCES tenants (id),
  id         uuid NOT NULL DEFAULT gen_random_uuid(),
  owner_id   uuid NOT NULL,
  name       text NOT NULL,
  status     text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused', 'archived')),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, owner_id) REFERENCES users (tenant_id, id)
);
CREATE INDEX projects_by_owner ON projects (tenant_id, owner_id);

CREATE TABLE tasks (
  tenant_id   uuid NOT NULL DEFAULT tenantry.tenant_id() REFERENCES tenants (id),
  id          uuid NOT NULL DEFAULT gen_random_uuid(),
  project_id  uuid NOT NULL,
  assignee_id uuid,
  title       text NOT NULL,
  status      text NOT NULL DEFAULT 'todo' CHECK (status IN ('todo', 'doing', 'done')),
  priority    smallint NOT NULL DEFAULT 2 CHECK (priority BETWEEN 1 AND 4),
  due_on      date,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, project_id) REFERENCES projects (tenant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, assignee_id) REFERENCES users (tenant_id, id)
);
CREATE INDEX tasks_by_project ON tasks (tenant_id, project_id);
CREATE INDEX tasks_by_assignee ON tasks (tenant_id, assignee_id);

-- Row level security, FORCEd so that the owner obeys it too. The sub-select around the function makes PostgreSQL
-- call it once a statement instead of once a row.

-- A tenant sees itself; onboarding needs no privilege: run as the new id and insert it.
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY tenantry_allow ON tenants AS PERMISSIVE FOR ALL TO tenantry_app
  USING (id = (SELECT tenantry.tenant_id()))
  WITH CHECK (id = (SELECT tenantry.tenant_id()));
CREATE POLICY tenantry_floor ON tenants AS RESTRICTIVE FOR ALL TO PUBLIC
  USING (id = (SELECT tenantry.tenant_id()))
  WITH CHECK (id = (SELECT tenantry.tenant_id()));

ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
CREATE POLICY tenantry_allow ON users AS PERMISSIVE FOR ALL TO tenantry_app
  USING (tenant_id = (SELECT tenantry.tenant_id()))
  WITH CHECK (tenant_id = (SELECT tenantry.tenant_id()));
CREATE POLICY tenantry_floor ON users AS RESTRICTIVE FOR ALL TO PUBLIC
  USING (tenant_id = (SELECT tenantry.tenant_id()))
  WITH CHECK (tenant_id = (SELECT tenantry.tenant_id()));

ALTER TABLE projects ENABLE ROW LEVEL SECURITY;
ALTER TABLE projects FORCE ROW LEVEL SECURITY;
CREATE POLICY tenantry_allow ON projects AS PERMISSIVE FOR ALL TO tenantry_app
  USING (tenant_id = (SELECT tenantry.tenant_id()))
  WITH CHECK (tenant_id = (SELECT tenantry.tenant_id()));
CREATE POLICY tenantry_floor ON projects AS RESTRICTIVE FOR ALL TO PUBLIC
  USING (tenant_id = (SELECT tenantry.tenant_id()))
  WITH CHECK (tenant_id = (SELECT tenantry.tenant_id()));

ALTER TABLE tasks ENABLE ROW LEVEL SECURITY;
ALTER TABLE tasks FORCE ROW LEVEL SECURITY;
CREATE POLICY tenantry_allow ON tasks AS PERMISSIVE FOR ALL TO tenantry_app
  USING (tenant_id = (SELECT tenantry.tenant_id()))
  WITH CHECK (tenant_id = (SELECT tenantry.tenant_id()));
CREATE POLICY tenantry_floor ON tasks AS RESTRICTIVE FOR ALL TO PUBLIC
  USING (tenant_id = (SELECT tenantry.tenant_id()))
  WITH CHECK (tenant_id = (SELECT tenantry.tenant_id()));

-- The application may work with rows, never TRUNCATE, REFERENCES or TRIGGER, which row level security does not
-- cover. It does not remove companies. The system role has BYPASSRLS: its pool is the only way across tenants.
GRANT SELECT, INSERT, UPDATE, DELETE ON users, projects, tasks TO tenantry_app;
GRANT SELECT, INSERT, UPDATE ON tenants TO tenantry_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON tenants, users, projects, tasks TO tenantry_system;

-- The loader keeps the rows of a file in temporary tables until all of them are known to be good.
DO $$ BEGIN EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO tenantry_system', current_database()); END $$;
