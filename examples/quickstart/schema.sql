-- A project-management SaaS: companies (tenants), their people, projects and tasks. Ordinary tables, as one writes them
-- without a thought of row level security. What keeps companies apart is not here: src/model.ts says which table is
-- what, and src/prepare-database.ts plans and applies the rest.

CREATE TABLE tenants (
  id         uuid PRIMARY KEY,
  name       text NOT NULL,
  plan       text NOT NULL DEFAULT 'free' CHECK (plan IN ('free', 'team', 'business')),
  country    text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE users (
  id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id  uuid NOT NULL REFERENCES tenants (id),
  email      text NOT NULL,
  name       text NOT NULL,
  role       text NOT NULL DEFAULT 'member' CHECK (role IN ('admin', 'member', 'guest')),
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, email)
);

CREATE TABLE projects (
  id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id  uuid NOT NULL REFERENCES tenants (id),
  owner_id   uuid NOT NULL REFERENCES users (id),
  name       text NOT NULL,
  status     text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused', 'archived')),
  created_at timestamptz NOT NULL DEFAULT now()
);

-- A task belongs to a company through its project; it has no tenant_id of its own.
CREATE TABLE tasks (
  id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  project_id  uuid NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  assignee_id uuid REFERENCES users (id),
  title       text NOT NULL,
  status      text NOT NULL DEFAULT 'todo' CHECK (status IN ('todo', 'doing', 'done')),
  priority    smallint NOT NULL DEFAULT 2 CHECK (priority BETWEEN 1 AND 4),
  due_on      date,
  created_at  timestamptz NOT NULL DEFAULT now()
);
