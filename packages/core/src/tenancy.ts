import { contextStore } from './context-store.ts'
import type { ContextEntry } from './context-store.ts'
import { describeValue } from './describe-value.ts'
import { TenantRequiredError, TenantryError } from './errors.ts'
import { publishScope, publishSystem, refused } from './events.ts'
import { keepInScope } from './lazy-result.ts'
import type { ScopedResult } from './lazy-result.ts'
import { describeScope, noTenantScope, systemScope, tenantScope } from './scope.ts'
import type { NoTenantScope, Scope, TenantScope } from './scope.ts'
import { parseSettings } from './settings.ts'
import type { Setting } from './settings.ts'
import { tenantIdParser } from './tenant-id.ts'
import type { TenantIdInput, TenantIdType } from './tenant-id.ts'
import { parseOtherSettings, parseTenantInput } from './tenant-input.ts'
import type { OtherSettings, TenantInput } from './tenant-input.ts'

/** What {@link createTenancy} takes. */
export interface TenancyOptions<
  Type extends TenantIdType,
  Settings extends Readonly<Record<string, string>>,
> {
  /**
   * How tenant ids look: `'uuid'`, `'bigint'`, `'text'`, or a function that returns the text to compare and throws on
   * what is no tenant id. Ids are normalised: a UUID in capitals is the same tenant.
   */
  readonly tenantId: Type
  /**
   * The PostgreSQL parameters that carry the tenant id and any further values that policies use, by the key that
   * `run` takes. `tenantId` is `app.current_tenant_id` unless given.
   */
  readonly settings?: Settings
  /**
   * Separates two tenancies of one process that have the same id type and settings but different tenants (two
   * databases, say). Tenancies equal in all three share their context, whichever copy of this package made them.
   */
  readonly name?: string
  /**
   * Reads the tenant from somewhere else, such as nestjs-cls, wherever no scope of Tenantry itself is open. Returns what
   * `run` takes, or `undefined` for no tenant known. Called for every statement: keep it cheap.
   *
   * @example
   * ```ts
   * createTenancy({ tenantId: 'uuid', source: () => cls.get('tenantId') })
   * ```
   */
  readonly source?: () => TenantInput<TenantIdInput<Type>, keyof Settings & string> | undefined
}

/**
 * The tenant context of an application: says for which tenant a piece of work acts, and asks the same.
 *
 * @typeParam Id what tenant ids may be given as
 * @typeParam Keys the declared settings
 */
export interface Tenancy<Id = unknown, Keys extends string = string> {
  /** The declared settings, in the order in which they are sent; the tenant id first. */
  readonly settings: readonly Setting[]

  /**
   * Runs `fn` for a tenant. What it returns is returned; lazy results (an ORM's query, a stream, an Observable) stay in
   * the scope. Inside another `run` of the same tenant it joins it, keeping the settings it does not name; for another
   * tenant it starts afresh.
   *
   * @param tenant the id, or an object with `tenantId` and declared settings
   * @throws InvalidTenantIdError if the id is not of the declared type
   * @throws TenantryError `INVALID_SETTING`
   * @example
   * ```ts
   * const projects = await tenancy.run(tenantId, () => db.selectFrom('projects').selectAll().execute())
   * await tenancy.run({ tenantId, userId }, () => handle(request))
   * ```
   */
  run<T>(tenant: TenantInput<Id, Keys>, fn: () => T): ScopedResult<T>

  /**
   * Runs `fn` explicitly for no tenant: the application's role with an empty tenant setting, so that policies show only
   * what is shared. For sign-in, global tables and health checks.
   *
   * @param settings further settings to send all the same, for questions such as "which tenants are mine?"
   * @throws TenantryError `INVALID_SETTING`
   * @example
   * ```ts
   * const plans = await tenancy.withoutTenant(() => pool.query('select * from plans'))
   * const mine = await tenancy.withoutTenant({ userId }, () => pool.query('select * from my_tenants'))
   * ```
   */
  withoutTenant<T>(fn: () => T): ScopedResult<T>
  withoutTenant<T>(settings: OtherSettings<Keys>, fn: () => T): ScopedResult<T>

  /**
   * Runs `fn` across tenants, through the system pool. Published on the diagnostics channel `tenantry:system`.
   *
   * @param reason why, for the audit; must not be empty
   * @throws TenantryError `SYSTEM_REASON_REQUIRED`
   * @example
   * ```ts
   * const usage = await tenancy.asSystem('monthly invoice', () => pool.query('select tenant_id, count(*) from tasks group by 1'))
   * ```
   */
  asSystem<T>(reason: string, fn: () => T): ScopedResult<T>

  /**
   * The scope of this moment, or `undefined` if nobody opened one.
   * @throws InvalidTenantIdError if a `source` returned something else
   */
  current(): Scope | undefined

  /**
   * The current tenant's normalised id.
   * @throws TenantRequiredError if the current scope has no tenant
   */
  tenantId(): string

  /**
   * A function that runs in today's scope whenever and from wherever it is called: for event listeners, callbacks of
   * libraries that lose the context, queues.
   *
   * @example
   * ```ts
   * emitter.on('saved', tenancy.bind((project) => index(project)))
   * ```
   */
  bind<This, Values extends unknown[], Result>(
    fn: (this: This, ...values: Values) => Result,
  ): (this: This, ...values: Values) => Result

  /**
   * Runs `fn` with the scope still open: {@link Tenancy.assign} says it later, once, for everything that `fn` started.
   * For frameworks that learn the tenant in the middle of a request. Until then there is no scope.
   *
   * @example
   * ```ts
   * app.use((request, response, next) => tenancy.defer(next))
   * // later, in a guard:
   * tenancy.assign(user.tenantId)
   * ```
   */
  defer<T>(fn: () => T): ScopedResult<T>

  /**
   * Says the tenant of the enclosing {@link Tenancy.defer}. The same tenant again does nothing.
   * @throws TenantryError `DEFERRED_SCOPE_REQUIRED` outside of `defer`, or inside a `run` within it
   * @throws TenantryError `TENANT_ALREADY_ASSIGNED` if it was assigned another scope before
   * @throws InvalidTenantIdError if the id is not of the declared type
   */
  assign(tenant: TenantInput<Id, Keys>): void

  /**
   * Says that the work of the enclosing {@link Tenancy.defer} is explicitly for no tenant, as {@link Tenancy.withoutTenant}
   * does. The same again does nothing.
   *
   * @param settings further settings to send all the same
   * @throws TenantryError `DEFERRED_SCOPE_REQUIRED` outside of `defer`, or inside a `run` within it
   * @throws TenantryError `TENANT_ALREADY_ASSIGNED` if it was assigned another scope before
   * @throws TenantryError `INVALID_SETTING`
   * @example
   * ```ts
   * if (request.url === '/health') tenancy.assignWithoutTenant()
   * ```
   */
  assignWithoutTenant(settings?: OtherSettings<Keys>): void

  /**
   * Says that the work of the enclosing {@link Tenancy.defer} crosses tenants, as {@link Tenancy.asSystem} does, with the same
   * event for the audit. The same reason again does nothing.
   *
   * @param reason why, for the audit; must not be empty
   * @throws TenantryError `SYSTEM_REASON_REQUIRED`
   * @throws TenantryError `DEFERRED_SCOPE_REQUIRED` outside of `defer`, or inside a `run` within it
   * @throws TenantryError `TENANT_ALREADY_ASSIGNED` if it was assigned another scope, or another reason, before
   * @example
   * ```ts
   * if (route.crossesTenants && user.isOperator) tenancy.assignSystem(route.reason)
   * ```
   */
  assignSystem(reason: string): void

  /**
   * The scope that {@link Tenancy.run} would open for a tenant, without opening it: to check what somebody claims, and to
   * compare ids in whatever spelling they came.
   *
   * @throws InvalidTenantIdError if the id is not of the declared type
   * @throws TenantryError `INVALID_SETTING`
   * @example
   * ```ts
   * if (tenancy.scopeOf(claimed).tenantId !== tenancy.scopeOf(asked).tenantId) throw new Error('Not your tenant.')
   * ```
   */
  scopeOf(tenant: TenantInput<Id, Keys>): TenantScope
}

// Registered, for the tenancy may have been made by another copy of this package.
const leave = Symbol.for('@tenantry/core/leave')

/** Runs `fn` with no scope at all. Not for applications: work for no tenant is `tenancy.withoutTenant(fn)`. */
export function withoutScope<T>(tenancy: Tenancy, fn: () => T): T {
  return (tenancy as unknown as { [leave]: (fn: () => T) => T })[leave](fn)
}

/**
 * Declares the tenancy of an application. Make it once and import it everywhere.
 *
 * @throws TenantryError `INVALID_CONFIG`
 * @example
 * ```ts
 * export const tenancy = createTenancy({
 *   tenantId: 'uuid',
 *   settings: { userId: 'app.current_user_id' },
 * })
 * ```
 */
export function createTenancy<
  Type extends TenantIdType,
  const Settings extends Readonly<Record<string, string>> = Record<never, string>,
>(options: TenancyOptions<Type, Settings>): Tenancy<TenantIdInput<Type>, keyof Settings & string> {
  const { tenantId: type, name = '', source } = checkOptions(options)
  const settings = parseSettings(options.settings)
  const parseTenantId = tenantIdParser(type)
  const identity = JSON.stringify([name, typeof type === 'function' ? 'function' : type, settings])
  const store = contextStore(identity)

  function parseScope(tenant: unknown, from: Scope | undefined): TenantScope {
    const { tenantId, values } = parseTenantInput(tenant, parseTenantId, settings)
    const joined =
      from?.kind === 'tenant' && from.tenantId === tenantId ? { ...from.values, ...values } : values
    return tenantScope(tenantId, joined)
  }

  function parseNoTenant(values: unknown, use: string): NoTenantScope {
    if (typeof values === 'object' && values !== null && Object.hasOwn(values, 'tenantId')) {
      throw new TenantryError({
        code: 'INVALID_SETTING',
        message: `${use} takes every setting but "tenantId". To act for a tenant use tenancy.run.`,
      })
    }
    return noTenantScope(parseOtherSettings(values, settings))
  }

  function current(): Scope | undefined {
    const entry = store.getStore()
    if (entry?.scope !== undefined || source === undefined) return entry?.scope
    const tenant: unknown = source()
    return tenant === undefined || tenant === null ? undefined : parseScope(tenant, undefined)
  }

  function enter<T>(entry: ContextEntry, fn: () => T): ScopedResult<T> {
    return store.run(entry, () => keepInScope(fn(), (inner) => store.run(entry, inner)))
  }

  function enterScope<T>(scope: Scope, from: Scope | undefined, fn: () => T): ScopedResult<T> {
    publishScope({ scope, from })
    return enter({ scope, deferred: false }, fn)
  }

  /** Fills in the scope of the enclosing `defer`, once. */
  function assignScope(use: string, build: (from: Scope | undefined) => Scope): void {
    const entry = store.getStore()
    if (entry?.deferred !== true) {
      throw refused(
        new TenantryError({
          code: 'DEFERRED_SCOPE_REQUIRED',
          message:
            `tenancy.${use}() was called with ${describeScope(entry?.scope)}, outside of tenancy.defer(fn). ` +
            'Open the request with tenancy.defer, or use tenancy.run(tenant, fn).',
        }),
        entry?.scope,
      )
    }
    const from = entry.scope
    const scope = refusing(from, () => build(from))
    if (from === undefined) {
      if (scope.kind === 'system') publishSystem({ reason: scope.reason, scope, from })
      entry.scope = scope
      publishScope({ scope, from })
    } else if (from.key !== scope.key || reasonOf(from) !== reasonOf(scope)) {
      throw refused(
        new TenantryError({
          code: 'TENANT_ALREADY_ASSIGNED',
          message:
            `This context has been assigned ${describeScope(from)} and cannot be assigned ${describeScope(scope)}, ` +
            'or other settings, as well. Use tenancy.run(tenant, fn) for work on behalf of another one.',
        }),
        from,
      )
    }
  }

  /** Builds a scope; a refusal to do so is published. */
  function refusing<S extends Scope>(from: Scope | undefined, build: () => S): S {
    try {
      return build()
    } catch (error) {
      throw TenantryError.isInstance(error) ? refused(error, from) : error
    }
  }

  return Object.freeze({
    settings,
    current,
    [leave]: <T>(fn: () => T): T => store.run({ scope: undefined, deferred: false }, fn),

    run<T>(tenant: unknown, fn: () => T) {
      const from = current()
      return enterScope(
        refusing(from, () => parseScope(tenant, from)),
        from,
        fn,
      )
    },

    withoutTenant<T>(...given: [fn: () => T] | [values: unknown, fn: () => T]) {
      const [values, fn] = given.length === 1 ? [{}, given[0]] : given
      const from = current()
      return enterScope(
        refusing(from, () => parseNoTenant(values, 'withoutTenant')),
        from,
        fn,
      )
    },

    asSystem<T>(reason: string, fn: () => T) {
      const from = current()
      const scope = refusing(from, () => systemScope(checkReason(reason)))
      publishSystem({ reason, scope, from })
      return enterScope(scope, from, fn)
    },

    tenantId() {
      const scope = current()
      if (scope?.kind === 'tenant') return scope.tenantId
      throw refused(
        new TenantRequiredError(
          `tenancy.tenantId() was called with ${describeScope(scope)}. Call it inside tenancy.run(tenant, fn).`,
        ),
        scope,
      )
    },

    bind<This, Values extends unknown[], Result>(fn: (this: This, ...values: Values) => Result) {
      const entry = store.getStore() ?? { scope: current(), deferred: false }
      return function (this: This, ...values: Values): Result {
        return store.run(entry, () => fn.apply(this, values))
      }
    },

    defer<T>(fn: () => T) {
      return enter({ scope: undefined, deferred: true }, fn)
    },

    assign(tenant: unknown) {
      assignScope('assign', (from) => parseScope(tenant, from))
    },

    assignWithoutTenant(values: unknown = {}) {
      assignScope('assignWithoutTenant', () => parseNoTenant(values, 'assignWithoutTenant'))
    },

    assignSystem(reason: string) {
      assignScope('assignSystem', () => systemScope(checkReason(reason)))
    },

    scopeOf(tenant: unknown) {
      return refusing(undefined, () => parseScope(tenant, undefined))
    },
  }) as Tenancy<TenantIdInput<Type>, keyof Settings & string>
}

function reasonOf(scope: Scope): string | undefined {
  return scope.kind === 'system' ? scope.reason : undefined
}

function checkReason(reason: unknown): string {
  if (typeof reason !== 'string' || reason.trim() === '') {
    throw new TenantryError({
      code: 'SYSTEM_REASON_REQUIRED',
      message: `Acting as the system needs a reason for the audit, not ${describeValue(reason)}: tenancy.asSystem('monthly invoice', fn).`,
    })
  }
  return reason
}

function checkOptions<Options extends { tenantId: TenantIdType }>(options: Options): Options {
  const type: unknown = options?.tenantId
  if (type !== 'uuid' && type !== 'bigint' && type !== 'text' && typeof type !== 'function') {
    throw new TenantryError({
      code: 'INVALID_CONFIG',
      message: `createTenancy({ tenantId }) is ${describeValue(type)}: give 'uuid', 'bigint', 'text' or a function.`,
    })
  }
  return options
}
