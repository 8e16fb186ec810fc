import { TenantryError } from '@tenantry/core'
import type { Cache } from 'drizzle-orm/cache/core'
import type { TenantCache } from './tenant-cache.ts'
import { TransactionCache } from './transaction-cache.ts'

/** The inside of a database of Drizzle, the same in both releases and in no declared type. */
interface Session {
  options?: { readonly cache?: Cache }
  prepareQuery: (this: Session, ...parameters: unknown[]) => PreparedQuery
  transaction: (this: Session, ...parameters: unknown[]) => Promise<unknown>
}

interface PreparedQuery {
  execute: (this: PreparedQuery, ...parameters: unknown[]) => Promise<unknown>
}

/**
 * Lets every statement of a database run through its cache as a whole, and every transaction without one.
 *
 * @throws TenantryError `UNSUPPORTED_DRIVER` if this release of Drizzle keeps its cache in another place
 */
export function putCacheInto(db: object, cache: TenantCache): void {
  const { session } = db as { readonly session?: Session }
  if (session?.options?.cache !== cache) {
    throw new TenantryError({
      code: 'UNSUPPORTED_DRIVER',
      message:
        'This release of drizzle-orm keeps its cache where @tenantry/drizzle does not know it. Leave out `cache`, or use ' +
        'a release that both know.',
    })
  }
  const { prepareQuery, transaction } = session

  session.prepareQuery = (...parameters) => {
    const prepared = prepareQuery.apply(session, parameters)
    const { execute } = prepared
    prepared.execute = (...values) => cache.execute(() => execute.apply(prepared, values))
    return prepared
  }

  // Drizzle hands the options of a session to that of each transaction.
  session.transaction = (...parameters) => {
    const own = new TransactionCache()
    const withOwnCache = Object.create(session, {
      options: { value: { ...session.options, cache: own } },
    }) as Session
    return cache.invalidateAfter(transaction.apply(withOwnCache, parameters), own.mutations)
  }
}
