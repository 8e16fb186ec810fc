import type { Tenancy } from '@tenantry/core'
import { TenantPool } from '@tenantry/core/pg'
import { tenantPostgres } from '@tenantry/core/postgres-js'
import { drizzle as plainOnNodePostgres, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import { drizzle as plainOnPostgresJs } from 'drizzle-orm/postgres-js'
import pg from 'pg'
import postgres from 'postgres'
import { drizzle as drizzleOnNodePostgres } from '../src/node-postgres.ts'
import { drizzle as drizzleOnPostgresJs } from '../src/postgres-js.ts'
import type { Fixture } from './test-database.ts'

/** What the databases of both drivers have, as the types of one have it. */
export type Database = NodePgDatabase & { readonly $client: unknown }

/** `drizzle()`, for calls that the types allow, or not. */
export type Open = ((...parameters: unknown[]) => Database) & { readonly mock: unknown }

/** A driver under Drizzle, for tests of what is the same on each. */
export interface Driver {
  readonly name: string
  /** That of this package. */
  readonly drizzle: Open
  /** That of drizzle-orm. */
  readonly plainDrizzle: Open
  /** The client of Tenantry. */
  readonly client: (fixture: Fixture) => object
  /** Another client of Tenantry. */
  readonly connect: (tenancy: Tenancy, url: string) => object & { end(): Promise<void> }
  /** Clients that know no tenants, and have not connected. */
  readonly plainClients: () => readonly object[]
  /** The method of a client that each statement outside of transactions goes through. */
  readonly method: string
}

export const nodePostgres: Driver = {
  name: 'node-postgres',
  drizzle: drizzleOnNodePostgres,
  plainDrizzle: plainOnNodePostgres as unknown as Open,
  client: ({ pool }) => pool,
  connect: (tenancy, connectionString) => new TenantPool({ tenancy, connectionString }),
  plainClients: () => [new pg.Pool(), new pg.Client()],
  method: 'query',
}

export const postgresJs: Driver = {
  name: 'postgres.js',
  drizzle: drizzleOnPostgresJs,
  plainDrizzle: plainOnPostgresJs as unknown as Open,
  client: ({ sql }) => sql,
  connect: (tenancy, url) => tenantPostgres(url, { tenancy }),
  plainClients: () => [postgres()],
  method: 'unsafe',
}

export const drivers: readonly Driver[] = [nodePostgres, postgresJs]
