import { createTenancy } from '@tenantry/core'
import type { ScopedSettings } from './open-pool.ts'
import type { Session, SessionSettings, Way } from './way.ts'

/** An ORM, a query builder or a driver, by itself and with Tenantry. */
export interface Library {
  /** The name for `--libraries`, and that of its npm package. */
  readonly name: string
  readonly title: string
  /** The first is the baseline of the others: the library by itself, the tenant written by hand. */
  readonly ways: readonly Way[]
  /** Round trips in milliseconds, besides the one of the whole run, at which it is measured. */
  readonly furtherRoundTrips?: readonly number[]
}

/** How one library runs the benchmark's statement. */
export interface LibrarySessions {
  /** As superuser, the tenant in the statement. */
  openPlain(settings: SessionSettings): Session | Promise<Session>
  /** As the application, no tenant in the statement: `query` is called in the tenant's scope. */
  openScoped(settings: ScopedSettings): Session | Promise<Session>
}

/** A library on node-postgres: by itself, on a TenantPool, and on one with `prepare: true`. */
export function libraryOnNodePostgres(name: string, title: string, sessions: LibrarySessions): Library {
  return {
    name,
    title,
    ways: [
      { name, title: `${title}, hand-written`, open: (settings) => sessions.openPlain(settings) },
      {
        name: `${name}-tenantry`,
        title: `${title}, Tenantry`,
        reach: { loopback: 1.15, '1 ms': 1.03 },
        open: (settings) => openInScope(sessions, settings, false),
      },
      {
        name: `${name}-prepare`,
        title: `${title}, Tenantry, prepare: true`,
        reach: { loopback: 0.9, '1 ms': 1.03 },
        open: (settings) => openInScope(sessions, settings, true),
      },
    ],
  }
}

/** A session each query of which is in a scope of its own, as a request's is. */
export async function openInScope(
  sessions: LibrarySessions,
  settings: SessionSettings,
  prepare: boolean,
): Promise<Session> {
  const tenancy = createTenancy({ tenantId: 'uuid' })
  const session = await sessions.openScoped({ ...settings, tenancy, prepare })
  return {
    query: (task) => tenancy.run(task.tenantId, () => session.query(task)),
    close: () => session.close(),
  }
}
