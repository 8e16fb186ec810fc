import type { Tenancy } from '../tenancy.ts'
import type { TenantryError } from '../errors.ts'
import { refused } from '../events.ts'
import type { Scope } from '../scope.ts'
import { inCallersContext } from './caller-context.ts'
import type { Lease } from './lease.ts'
import type { Prelude } from './prelude.ts'
import {
  refuseControlInText,
  refuseCopyIn,
  refuseOtherScope,
  refuseReleased,
  refuseSecondRelease,
} from './refusals.ts'
import { refuseQuery } from './refuse-query.ts'
import { statementKind } from './statement-kind.ts'
import type { StatementKind } from './statement-kind.ts'
import { textOf } from './statement-text.ts'
import type { TenantClient } from './tenant-client.ts'

type Listener = (...values: unknown[]) => void

/** Gives the connection back to pg-pool; with an error or `true`, it is destroyed. */
export type GiveBack = (error?: Error | boolean) => void

const ADDING = new Set<PropertyKey>(['on', 'addListener', 'once', 'prependListener', 'prependOnceListener'])
const REMOVING = new Set<PropertyKey>(['off', 'removeListener'])

/**
 * Why a statement may not run on a lease, or `undefined`. A rollback and a statement sent with no scope at all are
 * always allowed: contexts get lost in callbacks, and the checkout is the truth.
 */
export function refusalOf(
  lease: Lease,
  current: Scope | undefined,
  kind: StatementKind,
): TenantryError | undefined {
  if (
    current !== undefined &&
    current !== lease.scope &&
    current.key !== lease.scope.key &&
    kind !== 'rollback'
  ) {
    return refuseOtherScope(lease.scope, current)
  }
  if (kind === 'mixed' && lease.scope.kind !== 'system') return refuseControlInText()
  if (kind === 'copy-in' && lease.scope.kind === 'tenant') return refuseCopyIn()
  return undefined
}

/**
 * One checkout: a client for one scope, until its release. Callers hold its facade, which dies with the release: a
 * handle kept for too long can then neither query nor release what somebody else has checked out since.
 */
export class Checkout implements Lease {
  readonly scope: Scope
  readonly prelude: Prelude
  readonly client: TenantClient
  readonly facade: TenantClient
  readonly #tenancy: Tenancy
  readonly #giveBack: GiveBack
  #released = false
  readonly #listeners: { event: string | symbol; listener: Listener; bound: Listener }[] = []

  constructor(tenancy: Tenancy, client: TenantClient, scope: Scope, prelude: Prelude, giveBack: GiveBack) {
    this.#tenancy = tenancy
    this.client = client
    this.scope = scope
    this.prelude = prelude
    this.#giveBack = giveBack
    // What callers set on the facade (a wrapped `query`, say) stays on this object, and goes with the checkout.
    const own = Object.create(client) as TenantClient
    this.facade = new Proxy(own, { get: (target, name) => this.#get(target, name) })
  }

  readonly query = (config: unknown, values?: unknown, callback?: unknown): unknown => {
    if (config === null || config === undefined) {
      throw new TypeError('Client was passed a null or undefined query')
    }
    let refusal: unknown
    try {
      const current = this.#tenancy.current()
      const kind = statementKind(textOf(config))
      const reason = this.#released ? refuseReleased() : refusalOf(this, current, kind)
      if (reason === undefined) return this.client.run(this, config, values, callback)
      refusal = refused(reason, current)
    } catch (error) {
      refusal = error
    }
    return refuseQuery(refusal as Error, config, values, callback, this.client.connection)
  }

  readonly release: GiveBack = (error) => {
    if (this.#released) throw refused(refuseSecondRelease(), this.scope)
    this.#released = true
    this.#removeAllListeners()
    if (error) this.#giveBack(error)
    else if (this.client.isQuiet || this.client.isAbandoned || this.client.isBroken) this.#giveBackSettled()
    else this.client.whenSettled(() => this.#giveBackSettled())
  }

  #giveBackSettled(): void {
    this.#giveBack(this.client.isReusable ? undefined : true)
  }

  #get(own: TenantClient, name: PropertyKey): unknown {
    if (Object.hasOwn(own, name)) return Reflect.get(own, name)
    if (name === 'query') return this.query
    if (name === 'release') return this.release
    if (ADDING.has(name)) return this.#addListener(name as 'on')
    if (REMOVING.has(name)) return this.#removeListener
    if (name === 'removeAllListeners') return this.#removeAllListeners
    const value: unknown = Reflect.get(this.client, name, this.client)
    if (typeof value !== 'function' || name === 'constructor') return value
    return (...values: unknown[]) => {
      if (this.#released) throw refused(refuseReleased(), this.scope)
      return (value as (...values: unknown[]) => unknown).apply(this.client, values)
    }
  }

  #addListener(method: 'on') {
    return (event: string | symbol, listener: Listener): TenantClient => {
      if (this.#released) return this.facade
      const bound = inCallersContext(listener)
      this.#listeners.push({ event, listener, bound })
      this.client[method](event as 'notice', bound)
      return this.facade
    }
  }

  readonly #removeListener = (event: string | symbol, listener: Listener): TenantClient => {
    const index = this.#listeners.findLastIndex((each) => each.event === event && each.listener === listener)
    const [removed] = index === -1 ? [] : this.#listeners.splice(index, 1)
    if (removed !== undefined) this.client.removeListener(event, removed.bound)
    return this.facade
  }

  // Of this checkout alone: pg-pool and TenantClient have listeners of their own on the client.
  readonly #removeAllListeners = (event?: string | symbol): TenantClient => {
    for (const each of this.#listeners.splice(0)) {
      if (event === undefined || each.event === event) this.client.removeListener(each.event, each.bound)
      else this.#listeners.push(each)
    }
    return this.facade
  }
}
