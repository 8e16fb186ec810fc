import { TenantryError } from '@tenantry/core'
import type { TenantPool } from '@tenantry/core/pg'
import { is } from 'drizzle-orm'
import { drizzle as drizzleOnNodePostgres, type NodePgClient } from 'drizzle-orm/node-postgres'
import { putCacheInto } from './cached-session.ts'
import { TenantCache } from './tenant-cache.ts'

/** Drizzle's own function, as the installed release declares it. */
type DrizzleOnNodePostgres = typeof drizzleOnNodePostgres

/** A pool or client that is not of Tenantry. */
type Unscoped<Client> = Client extends { readonly verify: unknown } ? never : Client

/** The forms of call that would open connections without a scope. They throw, and the types know. */
interface RefusedForms {
  (connectionString: string, config?: object): never
  // The parameter's own type, because an overload with a wider one comes after all that have the exact one.
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters
  <Config extends { readonly connection: string | object }>(config: Config): never
  <Client extends NodePgClient>(client: Unscoped<Client>, config?: object): never
  <Client extends NodePgClient>(config: {
    readonly client: Unscoped<Client>
    readonly [option: string]: unknown
  }): never
}

/**
 * `drizzle()` of drizzle-orm/node-postgres, with the same forms of call, the same types and the same result, for a
 * {@link TenantPool} only. It refuses what would run without a scope, and a cache that would mix tenants.
 *
 * @throws TenantryError `UNSUPPORTED_DRIVER` for anything but a TenantPool
 * @throws TenantryError `INVALID_CONFIG` for a cache that is not wrapped with `tenantCache`
 * @example
 * ```ts no-run
 * const db = drizzle({ client: pool, schema })
 * await tenancy.run(tenantId, () => db.select().from(projects))
 * ```
 */
export const drizzle = Object.assign(open, { mock: drizzleOnNodePostgres.mock }) as RefusedForms &
  DrizzleOnNodePostgres

function open(...[first, second]: readonly unknown[]): object {
  const config = (isTenantPool(first) ? { ...Object(second), client: first } : { ...Object(first) }) as {
    readonly client?: unknown
    readonly connection?: unknown
    readonly cache?: unknown
  }
  const { client, connection, cache, ...options } = config
  if (!isTenantPool(client) || connection !== undefined) {
    throw new TenantryError({
      code: 'UNSUPPORTED_DRIVER',
      message:
        'drizzle() of @tenantry/drizzle takes a TenantPool of @tenantry/core/pg, as drizzle(pool) or ' +
        'drizzle({ client: pool }): connections opened in another way act for no tenant.',
    })
  }
  if (cache === undefined || cache === null) return drizzleOnNodePostgres({ ...options, client })
  if (!is(cache, TenantCache)) {
    throw new TenantryError({
      code: 'INVALID_CONFIG',
      message:
        'This cache finds results by their SQL, which is the same for every tenant: it would serve the rows of one to ' +
        'another. Wrap it: drizzle({ client: pool, cache: tenantCache(cache, tenancy) }).',
    })
  }
  const db = drizzleOnNodePostgres({ ...options, client, cache })
  putCacheInto(db, cache)
  return db
}

/** By its shape, because it may come from another copy of @tenantry/core, for which `instanceof` is false. */
function isTenantPool(value: unknown): value is TenantPool {
  const { client, verify } = Object(value) as Partial<TenantPool>
  return client === value && typeof verify === 'function'
}
