import type { Tenancy } from '../tenancy.ts'
import type { TenantryError } from '../errors.ts'
import { refused } from '../events.ts'
import type { Scope } from '../scope.ts'
import { inCallersContext } from './caller-context.ts'
import type { Lease } from './lease.ts'
import type { Submittable } from './pg-internals.ts'
import type { Prelude } from './prelude.ts'
import {
  refuseControlInText,
  refuseCopyIn,
  refuseOtherScope,
  refuseReleased,
  refuseSecondRelease,
} from './refusals.ts'
import { statementKind } from './statement-kind.ts'
import { refuseQuery } from './tenant-client.ts'
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
export function refusalOf(lease: Lease, current: Scope | undefined, text: string): TenantryError | undefined {
  const kind = statementKind(text)
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

/** The text of whatever `client.query` was given, `''` where it cannot be known. */
export function textOf(config: unknown): string {
  if (typeof config === 'string') return config
  const { text, cursor } = (config ?? {}) as { text?: unknown; cursor?: { text?: unknown } }
  const found = text ?? cursor?.text
  return typeof found === 'string' ? found : ''
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
  /** What callers have set on the client, such as a wrapped `query`: theirs alone, and gone with the release. */
  readonly #own = new Map<PropertyKey, unknown>()
  readonly #listeners: { event: string; listener: Listener; bound: Listener }[] = []

  constructor(tenancy: Tenancy, client: TenantClient, scope: Scope, prelude: Prelude, giveBack: GiveBack) {
    this.#tenancy = tenancy
    this.client = client
    this.scope = scope
    this.prelude = prelude
    this.#giveBack = giveBack
    this.facade = new Proxy(client, {
      get: (target, name) => this.#get(target, name),
      set: (_target, name, value) => {
        this.#own.set(name, value)
        return true
      },
    })
  }

  readonly query = (config: unknown, values?: unknown, callback?: unknown): unknown => {
    if (config === null || config === undefined)
      throw new TypeError('Client was passed a null or undefined query')
    let current: Scope | undefined
    let refusal: Error | undefined
    try {
      current = this.#tenancy.current()
      refusal = this.#released ? refuseReleased() : refusalOf(this, current, textOf(config))
    } catch (error) {
      refusal = error as Error
    }
    if (refusal === undefined) return this.client.run(this, config, values, callback)
    refused(refusal as TenantryError, current)
    const callBack = typeof callback === 'function' ? inCallersContext(callback as Listener) : callback
    return refuseQuery(refusal, config as Submittable, values, callBack, this.client.connection)
  }

  readonly release: GiveBack = (error) => {
    if (this.#released) throw refused(refuseSecondRelease(), this.scope)
    this.#released = true
    for (const { event, bound } of this.#listeners) this.client.removeListener(event, bound)
    if (error) this.#giveBack(error)
    else if (this.client.isQuiet) this.#giveBackQuiet()
    else if (this.client.isAbandoned) this.#giveBack(true)
    else this.client.whenQuiet(() => this.#giveBackQuiet())
  }

  // Destroyed, the server rolls back what was left open; pooled, the next holder would have continued it.
  #giveBackQuiet(): void {
    this.#giveBack(this.client.status === 'I' ? undefined : true)
  }

  #get(target: TenantClient, name: PropertyKey): unknown {
    if (this.#own.has(name)) return this.#own.get(name)
    if (name === 'query') return this.query
    if (name === 'release') return this.release
    if (ADDING.has(name)) return this.#addListener(name as 'on')
    if (REMOVING.has(name)) return this.#removeListener
    const value: unknown = Reflect.get(target, name, target)
    if (typeof value !== 'function' || name === 'constructor') return value
    return (...values: unknown[]) => {
      if (this.#released) throw refused(refuseReleased(), this.scope)
      return (value as (...values: unknown[]) => unknown).apply(target, values)
    }
  }

  #addListener(method: 'on') {
    return (event: string, listener: Listener): TenantClient => {
      if (this.#released) return this.facade
      const bound = inCallersContext(listener)
      this.#listeners.push({ event, listener, bound })
      this.client[method](event as 'notice', bound)
      return this.facade
    }
  }

  readonly #removeListener = (event: string, listener: Listener): TenantClient => {
    const index = this.#listeners.findLastIndex((each) => each.event === event && each.listener === listener)
    const [removed] = index === -1 ? [] : this.#listeners.splice(index, 1)
    if (removed !== undefined) this.client.removeListener(event, removed.bound)
    return this.facade
  }
}
