import type { TenancyOptions } from '../../../src/model/tenancy.ts'

/** A table beside `tenants` and `projects`, with something that gets in the way of a plan. */
export interface HardCase {
  readonly sql: string
  /** What only a superuser may do, run before. */
  readonly superuser?: string
  readonly tables?: TenancyOptions['tables']
  /** The oldest server that has it, as `server_version_num`. */
  readonly since?: number
}

export const HARD_CASE_TABLES = `
  CREATE TABLE tenants (id uuid PRIMARY KEY, name text);
  INSERT INTO tenants VALUES ('aaaaaaaa-0000-4000-8000-000000000000'), ('bbbbbbbb-0000-4000-8000-000000000000');
  CREATE TABLE projects (id integer PRIMARY KEY, tenant_id uuid NOT NULL REFERENCES tenants, name text NOT NULL);
  INSERT INTO projects SELECT row_number() OVER (), id, 'project' FROM tenants;`

const TENANT = 'tenant_id uuid NOT NULL REFERENCES tenants'

export const hardCases: Readonly<Record<string, HardCase>> = {
  'a view that groups by a primary key': {
    sql: 'CREATE VIEW totals AS SELECT projects.*, count(*) FROM projects GROUP BY projects.id',
  },
  'a materialised view that groups by a primary key': {
    sql: 'CREATE MATERIALIZED VIEW totals AS SELECT projects.*, count(*) FROM projects GROUP BY projects.id',
  },
  'a function that names a primary key in ON CONFLICT ON CONSTRAINT': {
    sql: `CREATE FUNCTION add() RETURNS void LANGUAGE sql BEGIN ATOMIC
      INSERT INTO projects (id, name) VALUES (1, 'x') ON CONFLICT ON CONSTRAINT projects_pkey DO NOTHING; END`,
  },
  'a function that names columns in ON CONFLICT': {
    sql: `CREATE FUNCTION add() RETURNS void LANGUAGE sql BEGIN ATOMIC
      INSERT INTO projects (id, name) VALUES (1, 'x') ON CONFLICT (id) DO NOTHING; END`,
  },
  'a foreign key from an excluded table': {
    sql: 'CREATE TABLE legacy (project_id integer REFERENCES projects)',
    tables: { legacy: 'excluded' },
  },
  'a foreign key from a shared table': {
    sql: 'CREATE TABLE legacy (project_id integer REFERENCES projects)',
    tables: { legacy: 'shared' },
  },
  'a foreign key from a schema that takes no part': {
    sql: 'CREATE SCHEMA other; CREATE TABLE other.legacy (project_id integer REFERENCES public.projects)',
  },
  'a foreign key to a partition': {
    sql: `CREATE TABLE events (id integer PRIMARY KEY, ${TENANT}) PARTITION BY LIST (id);
      CREATE TABLE events_all PARTITION OF events DEFAULT;
      CREATE TABLE notes (id integer PRIMARY KEY, ${TENANT}, event_id integer REFERENCES events_all)`,
  },
  'a foreign key of one partition alone': {
    sql: `CREATE TABLE events (id integer, project_id integer, ${TENANT}) PARTITION BY LIST (id);
      CREATE TABLE events_all PARTITION OF events DEFAULT;
      ALTER TABLE events_all ADD FOREIGN KEY (project_id) REFERENCES projects`,
  },
  'a key of one partition alone': {
    sql: `CREATE TABLE events (id integer, ${TENANT}) PARTITION BY LIST (id);
      CREATE TABLE events_all PARTITION OF events (PRIMARY KEY (id)) DEFAULT;
      INSERT INTO events SELECT id, tenant_id FROM projects`,
  },
  'a partitioned table without partitions': {
    sql: `CREATE TABLE events (id integer PRIMARY KEY, ${TENANT}) PARTITION BY LIST (id)`,
  },
  'an exclusion constraint without btree_gist': {
    sql: `CREATE TABLE bookings (${TENANT}, during int4range, EXCLUDE USING gist (during WITH &&))`,
  },
  'an exclusion constraint with btree_gist': {
    superuser: 'CREATE EXTENSION btree_gist SCHEMA public',
    sql: `CREATE TABLE bookings (${TENANT}, room integer, during int4range,
      EXCLUDE USING gist (room WITH =, during WITH &&) WHERE (room > 0) DEFERRABLE)`,
  },
  'an index that has the name of one that is to be made': {
    sql: 'CREATE INDEX tenantry_projects_pkey ON projects (name)',
  },
  'a check that has the name of a key that is to be made': {
    sql: 'ALTER TABLE projects ADD CONSTRAINT tenantry_projects_pkey CHECK (id > 0)',
  },
  'a table that has the name of an index that is to be made': {
    sql: 'CREATE TABLE tenantry_projects_pkey (x integer)',
    tables: { tenantry_projects_pkey: 'excluded' },
  },
  'a policy that has the name of one that is to be made': {
    sql: `ALTER TABLE projects ENABLE ROW LEVEL SECURITY;
      CREATE POLICY tenantry_allow ON projects FOR SELECT USING (true)`,
  },
  'two foreign keys on the same columns': {
    sql: `CREATE TABLE tasks (id integer PRIMARY KEY, ${TENANT}, project_id integer,
      CONSTRAINT one FOREIGN KEY (project_id) REFERENCES projects ON DELETE CASCADE,
      CONSTRAINT two FOREIGN KEY (project_id) REFERENCES projects)`,
  },
  'a foreign key to a unique index, in another order': {
    sql: `CREATE UNIQUE INDEX by_name ON projects (name, id);
      CREATE TABLE tasks (id integer PRIMARY KEY, ${TENANT}, project_id integer, project_name text,
        FOREIGN KEY (project_id, project_name) REFERENCES projects (id, name))`,
  },
  'a foreign key with the tenant at its end': {
    sql: `CREATE TABLE boards (id integer, ${TENANT}, PRIMARY KEY (id, tenant_id));
      CREATE TABLE cards (id integer PRIMARY KEY, ${TENANT}, board_id integer,
        FOREIGN KEY (board_id, tenant_id) REFERENCES boards (id, tenant_id))`,
  },
  'a foreign key with the tenant that clears it': {
    sql: `CREATE TABLE boards (${TENANT}, id integer, parent_id integer, PRIMARY KEY (tenant_id, id),
      FOREIGN KEY (tenant_id, parent_id) REFERENCES boards ON DELETE SET NULL)`,
  },
  'an inherited key of its own': {
    sql: `CREATE TABLE documents (id integer PRIMARY KEY, ${TENANT});
      CREATE TABLE contracts (PRIMARY KEY (id)) INHERITS (documents);
      INSERT INTO contracts SELECT id, tenant_id FROM projects`,
  },
  'children that inherit': {
    sql: `CREATE TABLE documents (id integer PRIMARY KEY, project_id integer NOT NULL REFERENCES projects);
      CREATE TABLE contracts (PRIMARY KEY (id), FOREIGN KEY (project_id) REFERENCES projects) INHERITS (documents);
      INSERT INTO documents SELECT id, id FROM projects;
      INSERT INTO contracts SELECT id + 10, id FROM projects`,
    tables: { documents: 'child', contracts: 'child' },
  },
  'a table that inherits from two': {
    sql: `CREATE TABLE documents (id integer PRIMARY KEY, tenant_id uuid);
      CREATE TABLE owned (tenant_id uuid NOT NULL);
      CREATE TABLE contracts () INHERITS (documents, owned)`,
  },
  'a check that a column is not null': {
    sql: 'CREATE TABLE notes (id integer PRIMARY KEY, tenant_id uuid, CHECK (tenant_id IS NOT NULL))',
  },
  'a named NOT NULL': {
    sql: 'CREATE TABLE notes (id integer PRIMARY KEY, tenant_id uuid CONSTRAINT belongs NOT NULL)',
  },
  'a NOT NULL that is NOT VALID': {
    sql: `CREATE TABLE notes (id integer PRIMARY KEY, tenant_id uuid);
      ALTER TABLE notes ADD CONSTRAINT belongs NOT NULL tenant_id NOT VALID`,
    since: 180_000,
  },
  'a foreign key that is NOT ENFORCED': {
    sql: `CREATE TABLE notes (id integer PRIMARY KEY, ${TENANT}, project_id integer REFERENCES projects NOT ENFORCED)`,
    since: 180_000,
  },
  'a key without overlaps, and a foreign key of a period': {
    superuser: 'CREATE EXTENSION btree_gist SCHEMA public',
    sql: `CREATE TABLE prices (id integer, ${TENANT}, valid daterange, PRIMARY KEY (id, valid WITHOUT OVERLAPS));
      CREATE TABLE sales (id integer, ${TENANT}, valid daterange,
        FOREIGN KEY (id, PERIOD valid) REFERENCES prices (id, PERIOD valid))`,
    since: 180_000,
  },
  'a generated column in a key': {
    sql: `CREATE TABLE notes (id integer PRIMARY KEY, ${TENANT}, body text,
      folded text GENERATED ALWAYS AS (lower(body)) STORED UNIQUE)`,
  },
  'a table of a type, and a column of a table': {
    sql: `CREATE TYPE note AS (id integer, tenant_id uuid);
      CREATE TABLE notes OF note (id PRIMARY KEY, tenant_id NOT NULL);
      CREATE TABLE tasks (id integer PRIMARY KEY, project_id integer NOT NULL REFERENCES projects);
      CREATE TABLE copies (task tasks, ${TENANT})`,
    tables: { tasks: 'child' },
  },
  'privileges that every new object gets': {
    sql: `ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO tenantry_app;
      ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO tenantry_app;
      ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO tenantry_app;
      CREATE TABLE notes (id serial PRIMARY KEY, ${TENANT})`,
  },
  'rights on columns': {
    sql: `GRANT UPDATE (name), REFERENCES (id) ON projects TO tenantry_app;
      CREATE VIEW names AS SELECT * FROM projects; GRANT SELECT (id) ON names TO tenantry_app`,
  },
  'sixty partitions': {
    sql: `CREATE TABLE events (id integer PRIMARY KEY, ${TENANT}) PARTITION BY RANGE (id);
      DO $$ BEGIN FOR i IN 0..59 LOOP
        EXECUTE format('CREATE TABLE events_%s PARTITION OF events FOR VALUES FROM (%s) TO (%s)', i, i, i + 1);
      END LOOP; END $$`,
  },
}
