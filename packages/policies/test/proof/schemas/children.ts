import type { ProofSchema } from './proof-schema.ts'

/** Five levels below the tenant, none of which but the first has its id; and shortcuts between them. */
export const children: ProofSchema = {
  name: 'children of children of children',
  setup: `
    CREATE TABLE tenants (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text UNIQUE);
    CREATE TABLE sites (id serial PRIMARY KEY, owner integer NOT NULL REFERENCES tenants ON DELETE CASCADE, name text UNIQUE);
    CREATE TABLE buildings (id serial PRIMARY KEY, site_id integer NOT NULL REFERENCES sites ON DELETE CASCADE, name text);
    CREATE TABLE floors (
      building_id integer NOT NULL REFERENCES buildings ON UPDATE CASCADE ON DELETE CASCADE,
      level smallint NOT NULL,
      site_id integer REFERENCES sites ON DELETE SET NULL,
      PRIMARY KEY (building_id, level)
    );
    CREATE TABLE rooms (
      building_id integer NOT NULL,
      level smallint NOT NULL,
      door text NOT NULL,
      neighbour text,
      twin integer UNIQUE,
      PRIMARY KEY (building_id, level, door),
      CONSTRAINT on_floor FOREIGN KEY (building_id, level) REFERENCES floors ON UPDATE CASCADE ON DELETE CASCADE,
      CONSTRAINT beside FOREIGN KEY (building_id, level, neighbour) REFERENCES rooms ON DELETE SET NULL (neighbour)
        DEFERRABLE INITIALLY DEFERRED
    );
    CREATE TABLE desks (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      building_id integer NOT NULL,
      level smallint NOT NULL,
      door text NOT NULL,
      label text,
      changed_at timestamptz NOT NULL DEFAULT '2020-01-01',
      FOREIGN KEY (building_id, level, door) REFERENCES rooms ON UPDATE CASCADE ON DELETE CASCADE,
      UNIQUE (label) INCLUDE (level)
    );
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN NEW.changed_at := CURRENT_TIMESTAMP; RETURN NEW; END';
    CREATE TRIGGER touch BEFORE UPDATE OF label ON desks FOR EACH ROW EXECUTE FUNCTION touch();

    INSERT INTO tenants (name) SELECT 'tenant ' || number FROM generate_series(1, 3) AS number;
    INSERT INTO sites (owner, name) SELECT id, 'site of ' || id FROM tenants;
    INSERT INTO buildings (site_id, name) SELECT id, name || number FROM sites, generate_series(1, 2) AS number;
    INSERT INTO floors SELECT id, level, site_id FROM buildings, generate_series(1, 2) AS level;
    INSERT INTO rooms SELECT building_id, level, 'left', 'right' FROM floors;
    INSERT INTO rooms SELECT building_id, level, 'right', 'left', row_number() OVER () FROM floors;
    INSERT INTO desks (building_id, level, door, label)
      SELECT building_id, level, door, building_id || '/' || level || '/' || door FROM rooms;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO tenantry_app;`,
  tenancy: {
    tenantTable: 'tenants',
    tables: {
      sites: { kind: 'tenant', column: 'owner' },
      buildings: 'child',
      floors: { kind: 'child', through: 'building_id' },
      rooms: { kind: 'child', through: 'on_floor', queries: [['level', 'door']] },
      desks: 'child',
    },
  },
}
