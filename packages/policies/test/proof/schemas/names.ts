import type { ProofSchema } from './proof-schema.ts'

/** 63 bytes each, the second with letters of three; they differ only at the end, so that cutting makes them one. */
const LONG = 'a'.repeat(62)
const WIDE = 'ü'.repeat(28) + '表表'

/** Names that need quotes, names that look like something else, and names that are as long as names get. */
export const names: ProofSchema = {
  name: 'names of all kinds',
  setup: `
    CREATE SCHEMA "My ""Schema""";
    SET search_path = "My ""Schema""", public;
    CREATE TABLE "group" ("Id" bigint PRIMARY KEY, "order" text);
    CREATE TABLE "Tasks" (id bigint PRIMARY KEY, "Tenant Id" bigint NOT NULL REFERENCES "group", "a.b" text UNIQUE);
    CREATE TABLE tasks (id bigint PRIMARY KEY, "Tenant Id" bigint NOT NULL REFERENCES "group", "a.b" text UNIQUE);
    CREATE TABLE "it's $1 %I \\" (id bigint PRIMARY KEY, "Task" bigint NOT NULL REFERENCES "Tasks", UNIQUE ("Task", id));
    CREATE TABLE "${LONG}a" (id bigint PRIMARY KEY, "${LONG}c" bigint NOT NULL REFERENCES tasks, "${LONG}d" text UNIQUE);
    CREATE TABLE "${LONG}b" (id bigint PRIMARY KEY, "${LONG}c" bigint NOT NULL REFERENCES "${LONG}a", "${LONG}d" text UNIQUE);
    CREATE TABLE "${WIDE}" (id bigint PRIMARY KEY, "${WIDE}" bigint NOT NULL REFERENCES "${LONG}b", "select" text);
    CREATE UNIQUE INDEX "${WIDE}i" ON "${WIDE}" ("select");
    CREATE TABLE tenantry_notes (id bigint PRIMARY KEY, "Tenant Id" bigint NOT NULL, "tenantry_x" text UNIQUE);
    CREATE TABLE "2 d" ("Tenant Id" bigint NOT NULL, "  " text) PARTITION BY LIST ("Tenant Id");
    CREATE TABLE "2 d ""rest""" PARTITION OF "2 d" DEFAULT;
    CREATE VIEW "A View" AS SELECT "a.b" FROM "Tasks";
    INSERT INTO "group" VALUES (1), (2);
    INSERT INTO "Tasks" SELECT "Id", "Id", "Id" FROM "group";
    INSERT INTO tasks SELECT "Id", "Id", "Id" FROM "group";
    INSERT INTO "it's $1 %I \\" SELECT id, id FROM "Tasks";
    INSERT INTO "${LONG}a" SELECT id, id, id FROM tasks;
    INSERT INTO "${LONG}b" SELECT id, id, id FROM tasks;
    INSERT INTO "${WIDE}" SELECT id, id, id FROM tasks;
    INSERT INTO tenantry_notes SELECT id, id, id FROM tasks;
    INSERT INTO "2 d" SELECT id, id FROM tasks;
    RESET search_path;`,
  tenancy: {
    tenantTable: 'My "Schema".group',
    schemas: ['My "Schema"'],
    column: 'Tenant Id',
    setting: 'my_app.current_tenant',
    tables: {
      "it's $1 %I \\": 'child',
      [`${LONG}a`]: 'child',
      [`${LONG}b`]: 'child',
      [WIDE]: { kind: 'child', through: [WIDE] },
    },
  },
}
