import { TenantryError, type Tenancy } from '@tenantry/core'
import { is } from 'drizzle-orm'
import { putCacheInto } from './cached-session.ts'
import { TenantCache } from './tenant-cache.ts'

/** A pool or client that is not of Tenantry. */
type Unscoped<Client> = Client extends { readonly tenancy: Tenancy } ? never : Client

/** The forms of call that would open connections without a scope. They throw, and the types know. */
export interface RefusedForms<DriverClient> {
  (connectionString: string, config?: object): never
  // The parameter's own type, because an overload with a wider one comes after all that have the exact one.
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters
  <Config extends { readonly connection: string | object }>(config: Config): never
  <Client extends DriverClient>(client: Unscoped<Client>, config?: object): never
  <Client extends DriverClient>(config: {
    readonly client: Unscoped<Client>
    readonly [option: string]: unknown
  }): never
}

/** What a driver's `drizzle()` takes. */
export interface ClientOfDriver {
  /** How to call it in a message. */
  readonly name: string
  /** What to call a variable for it in a message. */
  readonly variable: string
  /** A method by which to know it from the other driver's. */
  readonly method: string
}

/** The `drizzle()` of a driver, for Tenantry's client of that driver only. */
export function scopedDrizzle<Drizzle extends { readonly mock: unknown }, Client>(
  drizzle: Drizzle,
  driver: ClientOfDriver,
): RefusedForms<Client> & Drizzle {
  const openWith = drizzle as unknown as (config: object) => object

  function open(...[first, second]: readonly unknown[]): object {
    const isPositional = isTenantClient(first, driver)
    const given: Readonly<Record<string, unknown>> = {
      ...((isPositional ? second : first) as Readonly<Record<string, unknown>> | undefined),
      ...(isPositional && { client: first }),
    }
    const { client, connection, cache, ...config } = given
    if (!isTenantClient(client, driver) || connection !== undefined) throw unsupported(driver)
    if (cache === undefined || cache === null) return openWith({ ...config, client })
    checkCache(cache, client.tenancy, driver)
    const db = openWith({ ...config, client, cache })
    putCacheInto(db, cache)
    return db
  }
  return Object.assign(open, { mock: drizzle.mock }) as unknown as RefusedForms<Client> & Drizzle
}

/** By its shape, because it may come from another copy of @tenantry/core, for which `instanceof` is false. */
function isTenantClient(value: unknown, { method }: ClientOfDriver): value is { readonly tenancy: Tenancy } {
  const { tenancy, [method]: own } = Object(value) as Readonly<Record<string, unknown>>
  return typeof own === 'function' && typeof (tenancy as Tenancy | undefined)?.current === 'function'
}

function checkCache(
  cache: unknown,
  tenancy: Tenancy,
  { variable }: ClientOfDriver,
): asserts cache is TenantCache {
  if (!is(cache, TenantCache)) {
    throw new TenantryError({
      code: 'INVALID_CONFIG',
      message:
        'This cache finds results by their SQL, which is the same for every tenant: it would serve the rows of one to ' +
        `another. Wrap it: drizzle({ client: ${variable}, cache: tenantCache(cache, tenancy) }).`,
    })
  }
  if (cache.tenancy !== tenancy) {
    throw new TenantryError({
      code: 'INVALID_CONFIG',
      message:
        'This cache was made for another tenancy than the client: it would keep results for scopes that the client ' +
        `does not know. Give it the client's: tenantCache(cache, ${variable}.tenancy).`,
    })
  }
}

function unsupported({ name, variable }: ClientOfDriver): TenantryError {
  return new TenantryError({
    code: 'UNSUPPORTED_DRIVER',
    message:
      `This drizzle() takes ${name}, as drizzle(${variable}) or drizzle({ client: ${variable} }): connections opened in ` +
      'another way act for no tenant.',
  })
}
