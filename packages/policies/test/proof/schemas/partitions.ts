import type { ProofSchema } from './proof-schema.ts'

/** Partitioned tables of all kinds, with foreign keys to and from them, and partitions unlike their parents. */
export const partitions: ProofSchema = {
  name: 'partitions',
  setup: `
    CREATE TABLE tenants (id text PRIMARY KEY, name text);
    CREATE TABLE regions (code text PRIMARY KEY) PARTITION BY LIST (code);
    CREATE TABLE regions_all PARTITION OF regions DEFAULT;

    CREATE TABLE accounts (
      id bigint NOT NULL,
      tenant_id text NOT NULL REFERENCES tenants,
      region text NOT NULL REFERENCES regions,
      email text NOT NULL,
      PRIMARY KEY (id),
      UNIQUE (email, id)
    ) PARTITION BY HASH (id);
    CREATE TABLE accounts_0 PARTITION OF accounts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
    CREATE TABLE accounts_1 PARTITION OF accounts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
    CREATE INDEX accounts_1_only ON accounts_1 (email);

    CREATE TABLE orders (
      id bigint NOT NULL,
      placed date NOT NULL,
      account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
      total numeric,
      PRIMARY KEY (id, placed)
    ) PARTITION BY RANGE (placed);
    -- Attached later, with its columns in another order and one that was dropped.
    CREATE TABLE orders_2025 (gone integer, placed date NOT NULL, total numeric, id bigint NOT NULL, account_id bigint NOT NULL);
    ALTER TABLE orders_2025 DROP COLUMN gone;
    ALTER TABLE orders ATTACH PARTITION orders_2025 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
    CREATE TABLE orders_2026 PARTITION OF orders FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY LIST (id);
    CREATE TABLE orders_2026_all PARTITION OF orders_2026 DEFAULT;
    CREATE INDEX orders_total ON orders (total);

    CREATE TABLE order_lines (
      order_id bigint NOT NULL,
      placed date NOT NULL,
      line integer NOT NULL,
      text text,
      PRIMARY KEY (order_id, placed, line),
      FOREIGN KEY (order_id, placed) REFERENCES orders ON UPDATE CASCADE ON DELETE CASCADE
    );

    INSERT INTO tenants VALUES ('one', 'One'), ('it''s "two"', 'Two');
    INSERT INTO regions VALUES ('eu'), ('us');
    INSERT INTO accounts SELECT number, CASE number % 2 WHEN 0 THEN 'one' ELSE 'it''s "two"' END, 'eu', 'mail' || number
      FROM generate_series(1, 8) AS number;
    INSERT INTO orders SELECT number, CASE number % 3 WHEN 0 THEN date '2025-05-05' ELSE date '2026-05-05' END, number, 1
      FROM generate_series(1, 8) AS number;
    INSERT INTO order_lines SELECT id, placed, line, 'line' FROM orders, generate_series(1, 2) AS line;
    GRANT ALL ON ALL TABLES IN SCHEMA public TO tenantry_app;`,
  tenancy: {
    tenantTable: 'tenants',
    roles: { owner: 'tenantry_owner' },
    tables: { regions: 'shared', orders: 'child', order_lines: 'child' },
  },
}
