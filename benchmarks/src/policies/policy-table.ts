import type { Client } from 'pg'
import type { Dataset } from '../dataset.ts'

/** The keys of a table: led by the tenant, as a plan makes them, or those of a table that was made without tenants in mind. */
export type Keys = 'tenant-led' | 'ordinary'

/** The names of the tables with the same rows and different keys. */
export const tableOf: Readonly<Record<Keys, string>> = {
  'tenant-led': 'policy_cost.document',
  ordinary: 'policy_cost.ordinary_document',
}

const membersOfEachTenant = 10

/** What acts in one slice of the measurement: a tenant, a user who is a member of it alone, and the ids of its rows. */
export interface Actor {
  readonly tenantId: string
  readonly userId: string
  readonly keys: readonly string[]
}

/** Creates and fills the tables on which policies are compared, as the superuser. */
export async function loadPolicyTables(client: Client, { rows, tenants }: Dataset): Promise<void> {
  await client.query(`
    CREATE SCHEMA policy_cost;
    GRANT USAGE ON SCHEMA policy_cost TO tenantry_app;

    CREATE FUNCTION policy_cost.tenant(number bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
      RETURN ('00000000-0000-4000-8000-' || lpad(to_hex(number), 12, '0'))::uuid;
    CREATE FUNCTION policy_cost.person(number bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
      RETURN ('00000000-0000-4000-9000-' || lpad(to_hex(number), 12, '0'))::uuid;

    CREATE TABLE policy_cost.tenant (id uuid PRIMARY KEY);
    INSERT INTO policy_cost.tenant SELECT policy_cost.tenant(n) FROM generate_series(0, ${tenants - 1}) AS n;

    CREATE TABLE policy_cost.membership (
      user_id uuid NOT NULL,
      tenant_id uuid NOT NULL REFERENCES policy_cost.tenant,
      PRIMARY KEY (user_id, tenant_id)
    );
    INSERT INTO policy_cost.membership
      SELECT policy_cost.person(tenant * ${membersOfEachTenant} + n), policy_cost.tenant(tenant)
      FROM generate_series(0, ${tenants - 1}) AS tenant, generate_series(0, ${membersOfEachTenant - 1}) AS n;
    CREATE INDEX ON policy_cost.membership (tenant_id);

    CREATE TABLE ${tableOf['tenant-led']} (
      tenant_id uuid NOT NULL,
      id bigint NOT NULL,
      title text NOT NULL,
      done boolean NOT NULL DEFAULT false
    );
    -- Ten rows of a tenant lie together, then ten of the next: as work comes in over the years.
    INSERT INTO ${tableOf['tenant-led']}
      SELECT policy_cost.tenant(id / 10 % ${tenants}), id, 'Document ' || id, id % 3 = 0
      FROM generate_series(0, ${rows - 1}) AS id;
    CREATE TABLE ${tableOf.ordinary} (LIKE ${tableOf['tenant-led']} INCLUDING ALL);
    INSERT INTO ${tableOf.ordinary} SELECT * FROM ${tableOf['tenant-led']};

    ALTER TABLE ${tableOf['tenant-led']} ADD PRIMARY KEY (tenant_id, id);
    ALTER TABLE ${tableOf.ordinary} ADD PRIMARY KEY (id);
    CREATE INDEX ON ${tableOf.ordinary} (tenant_id);
    ALTER TABLE ${tableOf['tenant-led']} OWNER TO tenantry_owner;
    GRANT SELECT ON ${tableOf.ordinary}, policy_cost.membership TO tenantry_app;`)
  for (const table of [...Object.values(tableOf), 'policy_cost.membership'])
    await client.query(`VACUUM ANALYZE ${table}`)
}

/** Any tenant of the tables. */
export async function randomActor(client: Client, { tenants }: Dataset): Promise<Actor> {
  const number = Math.floor(Math.random() * tenants)
  const { rows } = await client.query<Actor>(
    `SELECT policy_cost.tenant($1) AS "tenantId", policy_cost.person($1 * ${membersOfEachTenant}) AS "userId",
       (SELECT array_agg(id ORDER BY random()) FROM ${tableOf['tenant-led']} WHERE tenant_id = policy_cost.tenant($1))
         AS keys`,
    [number],
  )
  return rows[0]!
}
