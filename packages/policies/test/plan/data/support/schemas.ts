import { openDatabase, type OpenDatabase } from '../../../support/open-database.ts'
import { A, B, type Model, tenants } from './scenario.ts'

export interface SchemaCase {
  readonly name: string
  readonly slug: string
  readonly setup: string
  readonly model: Model
  readonly extension?: string
  /** The keys and foreign keys that do not carry the tenant in the end. */
  readonly spanning: readonly string[]
  /** The same before PostgreSQL 15, where ON DELETE SET NULL cannot leave the tenant out. */
  readonly spanningBefore15?: readonly string[]
}

/** A database of a test's own with the schema. */
export async function openSchema({ slug, setup, extension }: SchemaCase): Promise<OpenDatabase> {
  const database = await openDatabase(slug)
  if (extension !== undefined) await database.superuser(`CREATE EXTENSION ${extension} SCHEMA public`)
  const { rows } = await database.owner("SELECT current_setting('server_version_num')::int AS version")
  // Came with PostgreSQL 15.
  await database.owner(
    Number(rows[0]?.['version']) < 150_000 ? setup.replaceAll('NULLS NOT DISTINCT', '') : setup,
  )
  return database
}

const projects = `
  CREATE TABLE projects (id int PRIMARY KEY, tenant_id uuid NOT NULL REFERENCES tenants);
  INSERT INTO projects VALUES (1, '${A}'), (2, '${B}');
`

export const schemas: readonly SchemaCase[] = [
  {
    name: 'children of children, along composite foreign keys',
    slug: 'levels',
    spanning: [],
    setup: `${tenants}
      CREATE TABLE projects (
        region text, id int, tenant_id uuid NOT NULL REFERENCES tenants, PRIMARY KEY (region, id)
      );
      CREATE TABLE tasks (
        id int PRIMARY KEY, number int, region text NOT NULL, project int NOT NULL,
        FOREIGN KEY (project, region) REFERENCES projects (id, region) ON DELETE CASCADE ON UPDATE CASCADE,
        UNIQUE (region, number)
      );
      CREATE TABLE comments (id int PRIMARY KEY, region text NOT NULL, number int NOT NULL,
        FOREIGN KEY (region, number) REFERENCES tasks (region, number));
      CREATE TABLE likes (comment_id int NOT NULL REFERENCES comments, emoji text, PRIMARY KEY (comment_id, emoji));
      INSERT INTO projects VALUES ('eu', 1, '${A}'), ('us', 1, '${B}');
      INSERT INTO tasks VALUES (1, 1, 'eu', 1), (2, 1, 'us', 1);
      INSERT INTO comments VALUES (1, 'eu', 1), (2, 'us', 1);
      INSERT INTO likes VALUES (1, '+1'), (2, '+1');
    `,
    model: { tables: { tasks: 'child', comments: 'child', likes: 'child' } },
  },
  {
    name: 'rows that lead to their own table, to each other and from the tenant',
    slug: 'cycles',
    spanningBefore15: ['users_manager_id_fkey', 'users_pkey'],
    spanning: [],
    setup: `
      CREATE TABLE tenants (id uuid PRIMARY KEY, name text UNIQUE, owner_id int, parent_id uuid REFERENCES tenants);
      CREATE TABLE users (
        id int PRIMARY KEY, tenant_id uuid NOT NULL REFERENCES tenants, manager_id int REFERENCES users ON DELETE SET NULL,
        team_id int, referred_by uuid REFERENCES tenants
      );
      CREATE TABLE teams (id int PRIMARY KEY, tenant_id uuid NOT NULL, lead_id int REFERENCES users DEFERRABLE INITIALLY DEFERRED);
      ALTER TABLE users ADD FOREIGN KEY (team_id) REFERENCES teams DEFERRABLE;
      ALTER TABLE tenants ADD FOREIGN KEY (owner_id) REFERENCES users ON DELETE SET NULL;
      INSERT INTO tenants VALUES ('${A}', 'A'), ('${B}', 'B');
      INSERT INTO teams VALUES (1, '${A}', NULL), (2, '${B}', NULL);
      INSERT INTO users VALUES (1, '${A}', NULL, 1), (2, '${B}', NULL, 2), (3, '${A}', 1, NULL);
      UPDATE teams SET lead_id = id; UPDATE tenants SET owner_id = 1 WHERE name = 'A';
    `,
    model: {},
  },
  {
    name: 'unique keys of every kind',
    slug: 'unique',
    spanning: ['also', 'numbers_kept_key'],
    setup: `${tenants}
      CREATE TABLE people (
        id int PRIMARY KEY, tenant_id uuid NOT NULL, email text UNIQUE, name text, code int, deleted_at timestamptz,
        CONSTRAINT twice UNIQUE (email), CONSTRAINT pk_twice UNIQUE (id),
        position int CONSTRAINT place UNIQUE DEFERRABLE INITIALLY DEFERRED,
        badge text, CONSTRAINT badge UNIQUE (badge) INCLUDE (name),
        a int, b int, CONSTRAINT nothing UNIQUE NULLS NOT DISTINCT (a, b),
        UNIQUE (code, tenant_id)
      );
      CREATE UNIQUE INDEX people_code ON people (code) WHERE deleted_at IS NULL;
      CREATE UNIQUE INDEX people_lower ON people (lower(email) text_pattern_ops DESC, name COLLATE "C") WHERE code > 0;
      CREATE UNIQUE INDEX people_include ON people (name) INCLUDE (tenant_id) WITH (fillfactor = 70);
      CREATE TABLE numbers (
        id int PRIMARY KEY DEFERRABLE, tenant_id uuid NOT NULL, kept int UNIQUE, also_kept int,
        CONSTRAINT also UNIQUE (also_kept)
      );
      CREATE TABLE replicated (id int PRIMARY KEY, tenant_id uuid NOT NULL, code text NOT NULL);
      CREATE UNIQUE INDEX replicated_code ON replicated (code);
      ALTER TABLE replicated REPLICA IDENTITY USING INDEX replicated_code;
      CREATE TABLE keepers (id int PRIMARY KEY, tenant_id uuid NOT NULL, UNIQUE (tenant_id, id));
      INSERT INTO people (id, tenant_id, email, a) VALUES (1, '${A}', 'a@example.com', 1), (2, '${B}', 'b@example.com', 2);
    `,
    model: { tables: { numbers: { kind: 'tenant', globalKeys: ['numbers_kept_key', 'also'] } } },
  },
  {
    name: 'exclusion constraints',
    slug: 'exclusion',
    spanning: [],
    extension: 'btree_gist',
    setup: `${tenants}
      CREATE TABLE bookings (
        id int PRIMARY KEY, tenant_id uuid NOT NULL, room int, during int4range, cancelled boolean,
        CONSTRAINT overlap EXCLUDE USING gist (room WITH =, during WITH &&) WHERE (NOT cancelled) DEFERRABLE,
        CONSTRAINT same EXCLUDE (room WITH =, cancelled WITH =)
      );
    `,
    model: {},
  },
  {
    name: 'foreign keys with every action',
    slug: 'actions',
    spanningBefore15: [
      'full_match',
      'parents_a_b_key',
      'parents_pkey',
      'set_default',
      'set_null',
      'update_null',
    ],
    spanning: ['parents_a_b_key', 'update_null'],
    setup: `${tenants}
      CREATE TABLE parents (
        id int PRIMARY KEY, tenant_id uuid NOT NULL, a int, b int, UNIQUE (a, b), UNIQUE (tenant_id, id)
      );
      CREATE TABLE children (
        id int PRIMARY KEY, tenant_id uuid NOT NULL, p1 int, p2 int, p3 int, p4 int DEFAULT 0, p5 int, a int, b int, c int, d int,
        CONSTRAINT set_null FOREIGN KEY (p1) REFERENCES parents (id) ON DELETE SET NULL,
        CONSTRAINT restricted FOREIGN KEY (p2) REFERENCES parents (id) ON DELETE RESTRICT ON UPDATE RESTRICT,
        CONSTRAINT cascaded FOREIGN KEY (p3) REFERENCES parents (id) ON DELETE CASCADE ON UPDATE CASCADE DEFERRABLE,
        CONSTRAINT set_default FOREIGN KEY (p4) REFERENCES parents (id) ON DELETE SET DEFAULT,
        CONSTRAINT update_null FOREIGN KEY (c, d) REFERENCES parents (b, a) ON UPDATE SET NULL,
        CONSTRAINT full_match FOREIGN KEY (a, b) REFERENCES parents (a, b) MATCH FULL ON DELETE SET NULL,
        CONSTRAINT full_one FOREIGN KEY (p5) REFERENCES parents (id) MATCH FULL,
        CONSTRAINT clears FOREIGN KEY (tenant_id, p5) REFERENCES parents (tenant_id, id) ON DELETE SET NULL
      );
      ALTER TABLE children ADD CONSTRAINT never_valid FOREIGN KEY (p5) REFERENCES parents (id) NOT VALID;
      INSERT INTO parents VALUES (1, '${A}', 1, 1), (2, '${B}', 2, 2);
      INSERT INTO children VALUES (1, '${A}', 1, 1, 1, 1, 1, 1, 1, 1, 1);
    `,
    model: {},
  },
  {
    name: 'partitioned tables',
    slug: 'partitioned',
    spanning: [],
    setup: `${tenants}
      CREATE TABLE events (
        id int, at int NOT NULL, tenant_id uuid NOT NULL REFERENCES tenants, number int, PRIMARY KEY (id, at), UNIQUE (number, at)
      ) PARTITION BY RANGE (at);
      CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);
      CREATE TABLE "Events 2" PARTITION OF events FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (at);
      CREATE TABLE events_2_1 PARTITION OF "Events 2" FOR VALUES FROM (10) TO (12);
      CREATE TABLE events_2_d PARTITION OF "Events 2" DEFAULT;
      CREATE UNIQUE INDEX alone ON events_1 (id);
      CREATE TABLE details (
        id int, at int NOT NULL, event_id int NOT NULL, number int, PRIMARY KEY (id, at),
        FOREIGN KEY (event_id, at) REFERENCES events (id, at) ON DELETE CASCADE,
        FOREIGN KEY (number, at) REFERENCES events (number, at)
      ) PARTITION BY RANGE (at);
      CREATE TABLE details_1 PARTITION OF details FOR VALUES FROM (0) TO (10);
      CREATE TABLE details_2 PARTITION OF details FOR VALUES FROM (10) TO (20);
      CREATE TABLE remarks (id int PRIMARY KEY, event_id int, at int, FOREIGN KEY (event_id, at) REFERENCES events (id, at));
      ALTER TABLE remarks ALTER event_id SET NOT NULL, ALTER at SET NOT NULL;
      INSERT INTO events VALUES (1, 1, '${A}', 1), (2, 11, '${B}', 1), (3, 12, '${B}', 7);
      INSERT INTO details VALUES (1, 1, 1, 1), (2, 11, 2, NULL);
      INSERT INTO remarks VALUES (1, 1, 1), (2, 2, 11);
    `,
    model: { tables: { details: { kind: 'child', through: ['event_id', 'at'] }, remarks: 'child' } },
  },
  {
    name: 'names that need quotes',
    slug: 'quoted',
    spanning: [],
    setup: `
      CREATE TABLE "Order" ("user" uuid PRIMARY KEY);
      CREATE TABLE "select" (
        "Id" int CONSTRAINT "the ""key""" PRIMARY KEY, "group" uuid NOT NULL REFERENCES "Order", "a'b" text CONSTRAINT "quote's" UNIQUE
      );
      CREATE TABLE "child $$ one\ntwo" (
        "row id" int PRIMARY KEY, "Parent" int NOT NULL CONSTRAINT "fk \\ back" REFERENCES "select"
      );
      CREATE TABLE ${'long_'.repeat(12)}x (id int PRIMARY KEY, ${'name_'.repeat(12)}x int NOT NULL REFERENCES "select", UNIQUE (${'name_'.repeat(12)}x));
      INSERT INTO "Order" VALUES ('${A}'), ('${B}');
      INSERT INTO "select" VALUES (1, '${A}', 'x'), (2, '${B}', 'y');
      INSERT INTO "child $$ one\ntwo" VALUES (1, 1), (2, 2);
    `,
    model: {
      tenantTable: 'Order',
      column: 'group',
      tables: { 'child $$ one\ntwo': 'child', [`${'long_'.repeat(12)}x`]: 'child' },
    },
  },
  {
    name: 'shared rows beside those of tenants',
    slug: 'shared',
    spanning: [
      'hints_0_pkey',
      'hints_pkey',
      'hints_rest_pkey',
      'labels_name_key',
      'labels_parent_id_fkey',
      'labels_pkey',
      'tasks_label_fkey',
      'tasks_label_id_fkey',
      'tenantry_hints_word_shared',
      'tenantry_hints_word_shared_hints_0',
      'tenantry_hints_word_shared_hints_rest',
      'tenantry_labels_color_shared',
    ],
    setup: `${tenants}
      CREATE TABLE labels (
        id int PRIMARY KEY, tenant_id uuid, name text UNIQUE, color text, parent_id int REFERENCES labels,
        project_id int
      );
      CREATE UNIQUE INDEX labels_color ON labels (color) WHERE name > 'a';
      ${projects}
      ALTER TABLE labels ADD FOREIGN KEY (project_id) REFERENCES projects;
      CREATE TABLE tasks (id int PRIMARY KEY, tenant_id uuid NOT NULL, label_id int REFERENCES labels, label text REFERENCES labels (name));
      INSERT INTO labels VALUES (1, NULL, 'shared', 'x'), (2, '${A}', 'own', 'y');
      CREATE TABLE hints (id int, tenant_id uuid, bucket int, word text, PRIMARY KEY (id, bucket)) PARTITION BY LIST (bucket);
      CREATE TABLE hints_0 PARTITION OF hints FOR VALUES IN (0);
      CREATE TABLE hints_rest PARTITION OF hints DEFAULT;
      CREATE UNIQUE INDEX hints_word ON hints (word, bucket);
    `,
    model: { tables: { labels: 'shared+tenant', hints: 'shared+tenant' } },
  },
  {
    name: 'keys that stay',
    slug: 'kept',
    spanning: ['projects_pkey', 'projects_slug_key', 'tasks_pkey'],
    setup: `${tenants}
      ${projects}
      ALTER TABLE projects ADD slug text UNIQUE;
      CREATE TABLE tasks (id int PRIMARY KEY, tenant_id uuid NOT NULL, project_id int REFERENCES projects, slug text REFERENCES projects (slug));
      CREATE TABLE jobs (id int PRIMARY KEY, task_id int REFERENCES tasks);
      CREATE TABLE notes (id int PRIMARY KEY, task_id int NOT NULL REFERENCES tasks);
    `,
    model: {
      tables: {
        jobs: 'excluded',
        notes: 'child',
        projects: { kind: 'tenant', primaryKey: 'keep', globalKeys: ['projects_slug_key'] },
      },
    },
  },
  {
    name: 'tables that inherit',
    slug: 'inherits',
    spanning: [],
    setup: `${tenants} ${projects}
      CREATE TABLE tasks (id int PRIMARY KEY, project_id int NOT NULL REFERENCES projects);
      CREATE TABLE old_tasks (PRIMARY KEY (id), FOREIGN KEY (project_id) REFERENCES projects) INHERITS (tasks);
      CREATE TABLE a_tasks (PRIMARY KEY (id), FOREIGN KEY (project_id) REFERENCES projects) INHERITS (tasks);
      INSERT INTO tasks VALUES (1, 1); INSERT INTO old_tasks VALUES (1, 2); INSERT INTO a_tasks VALUES (1, 2);
    `,
    model: { tables: { tasks: 'child', old_tasks: 'child', a_tasks: 'child' } },
  },
  {
    name: 'columns that are there but not as they should be',
    slug: 'halfway',
    spanning: [],
    setup: `${tenants}
      CREATE TABLE projects (id int PRIMARY KEY, tenant_id uuid DEFAULT gen_random_uuid());
      CREATE TABLE tasks (id int PRIMARY KEY, tenant_id uuid, project_id int NOT NULL, at int NOT NULL, UNIQUE (id, at)) ;
      ALTER TABLE tasks ADD FOREIGN KEY (project_id) REFERENCES projects;
      CREATE TABLE parted (at int PRIMARY KEY, tenant_id uuid) PARTITION BY RANGE (at);
      CREATE TABLE parted_1 (at int CONSTRAINT own_name PRIMARY KEY, tenant_id uuid NOT NULL DEFAULT '${A}');
      ALTER TABLE parted ATTACH PARTITION parted_1 FOR VALUES FROM (0) TO (10);
      CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (10) TO (20);
      INSERT INTO projects VALUES (1, '${A}'); INSERT INTO tasks VALUES (1, NULL, 1, 1), (2, '${A}', 1, 1);
    `,
    model: { tables: { tasks: { kind: 'child', through: 'project_id' } } },
  },
]
