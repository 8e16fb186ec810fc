import { TenantRequiredError, type Scope, type Tenancy } from '@tenantry/core'

/**
 * One DataLoader for each scope, used like a single one, so that a singleton provider can have it. A shared loader loads
 * all keys of a tick as the tenant who asked first, and answers everybody from one memory.
 *
 * A loader lives as long as its scope: a request's, say, which is how long DataLoader says that its memory should last.
 *
 * @param tenancy that of the pool
 * @param create makes a loader; called once in each scope that loads something
 * @throws TenantRequiredError from every use of it without a scope
 * @example
 * ```ts no-run
 * const projects = tenantLoader(tenancy, () => new DataLoader((ids: readonly string[]) => findProjects(ids)))
 * await projects.load(id)
 * ```
 */
export function tenantLoader<Loader extends object>(tenancy: Tenancy, create: () => Loader): Loader {
  const loaders = new WeakMap<Scope, Loader>()

  function loader(): Loader {
    const scope = tenancy.current()
    if (scope === undefined) {
      throw new TenantRequiredError(
        'A loader was asked without a scope, so that there is no telling whose rows it may load. ' +
          'Use it inside tenancy.run(tenant, fn).',
      )
    }
    let own = loaders.get(scope)
    if (own === undefined) {
      own = create()
      loaders.set(scope, own)
    }
    return own
  }

  return new Proxy({} as Loader, {
    get(_, name) {
      // Asked by whoever awaits or inspects the loader, with or without a scope.
      if (typeof name === 'symbol' || name === 'then') return undefined
      const own = loader()
      const value: unknown = Reflect.get(own, name, own)
      if (typeof value !== 'function') return value
      // Looked up again for each call: a method kept from one request is called in another.
      return (...values: unknown[]) => {
        const now = loader()
        return (Reflect.get(now, name, now) as (...values: unknown[]) => unknown).apply(now, values)
      }
    },
    set(_, name, value) {
      const own = loader()
      return Reflect.set(own, name, value, own)
    },
  })
}
