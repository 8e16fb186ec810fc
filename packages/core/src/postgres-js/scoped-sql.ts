import { readFile } from 'node:fs'
import { refused } from '../events.ts'
import { refuseOtherScope, refuseWithoutScope } from '../pg/refusals.ts'
import { isTransactionControl, statementKind } from '../pg/statement-kind.ts'
import type { Scope } from '../scope.ts'
import type { Tenancy } from '../tenancy.ts'
import { inCallersContext } from '../pg/caller-context.ts'
import type { Connections } from './connections.ts'
import { failWithConnection } from './cursor.ts'
import { isPending, knownText } from './pending-query.ts'
import type { PendingQuery } from './pending-query.ts'
import { cancelledBeforeSent } from './refusals.ts'

/** Decides for which scope a query runs and sends it. */
export interface Gate {
  readonly tenancy: Tenancy
  /**
   * @param made the scope in which the query was made
   * @param current the one in which it is sent
   * @throws why it is refused
   */
  submit(query: PendingQuery, made: Scope | undefined, current: Scope | undefined): void
}

/** What every `sql` of postgres.js has: the client's, a transaction's and a reserved connection's. */
export interface SqlMembers {
  unsafe(text: string, values?: unknown, options?: object): PendingQuery
  file(path: string, values?: unknown, options?: object): PendingQuery
  notify(channel: string, payload: unknown): Promise<unknown>
  [member: string]: unknown
}

/** `sql` itself. */
export type SqlFunction = ((first: unknown, ...rest: unknown[]) => unknown) & SqlMembers

/**
 * The scope of a query: that in which it was made, or if it was made in none, that in which it is sent.
 * @throws TenantryError if there is none, or they are two
 */
export function scopeOf(made: Scope | undefined, current: Scope | undefined): Scope {
  if (made === undefined) {
    if (current === undefined) throw refused(refuseWithoutScope(), undefined)
    return current
  }
  if (current !== undefined && current !== made && current.key !== made.key) {
    throw refused(refuseOtherScope(made, current), current)
  }
  return made
}

/** An `sql` whose queries go through `gate`. */
export function scopedSql(connections: Connections, gate: Gate): SqlFunction {
  const tag = connections.raw as unknown as (first: unknown, ...rest: unknown[]) => unknown
  const sql = ((first: unknown, ...rest: unknown[]) => {
    const made = tag(first, ...rest)
    return isPending(made) ? guarded(made, gate) : made
  }) as SqlFunction
  const { types, typed, array, json } = connections.raw as unknown as SqlMembers
  return Object.assign(sql, {
    types,
    typed,
    array,
    json,
    unsafe(text: string, ...given: [values?: unknown, options?: object]) {
      const [values, options] = valuesAndOptions(given)
      return guarded(connections.unsafe(text, values, options), gate)
    },
    file(path: string, ...given: [values?: unknown, options?: object]) {
      const [values, options] = valuesAndOptions(given)
      // Unlike `unsafe`, prepared unless it has no values.
      const query = connections.unsafe('', values, { prepare: true, ...options })
      return guarded(query, gate, () => readText(query, path))
    },
    async notify(channel: string, payload: unknown) {
      return await (sql`select pg_notify(${channel}, ${String(payload)})` as Promise<unknown>)
    },
  })
}

/** The values may be left out in front of the options. */
function valuesAndOptions([values, options]: [values?: unknown, options?: object]): [unknown[], object] {
  return Array.isArray(values) || options !== undefined
    ? [(values as unknown[] | undefined) ?? [], options ?? {}]
    : [[], (values as object | undefined) ?? {}]
}

function readText(query: PendingQuery, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    readFile(path, 'utf8', (error, text) => {
      if (error) return reject(error)
      query.strings = [text]
      resolve()
    })
  })
}

/**
 * Sets the gate before a query: whatever starts it, and whenever, it goes through with the scope in which it was made.
 */
function guarded(query: PendingQuery, gate: Gate, prepare?: () => Promise<void>): PendingQuery {
  const { tenancy } = gate
  const made = attempt(() => tenancy.current())
  let cancelled = false
  query.canceller = () => {
    cancelled = true
    query.reject(cancelledBeforeSent())
  }
  const { debug } = query.handler
  const handler = (sent: PendingQuery): void => {
    if (cancelled) return
    const now = attempt(() => tenancy.current())
    const failure = made.error ?? now.error
    if (failure !== undefined) {
      sent.reject(failure)
      return
    }
    bindCallbacks(sent)
    const submit = (): void => {
      if (cancelled) return
      useExtendedProtocol(sent)
      const { error } = attempt(() => gate.submit(sent, made.value, now.value))
      if (error !== undefined) sent.reject(error)
    }
    if (prepare === undefined) submit()
    else prepare().then(submit, (error: unknown) => sent.reject(error))
  }
  if (debug) handler.debug = debug
  query.handler = handler
  failWithConnection(query)
  return query
}

interface Attempt<T> {
  readonly value?: T
  readonly error?: unknown
}

function attempt<T>(fn: () => T): Attempt<T> {
  try {
    return { value: fn() }
  } catch (error) {
    return { error }
  }
}

function bindCallbacks(query: PendingQuery): void {
  if (query.forEachFn !== undefined) query.forEachFn = inCallersContext(query.forEachFn)
  if (query.cursorFn !== undefined) query.cursorFn = inCallersContext(query.cursorFn)
}

/**
 * A single statement without values need not be a simple query, where the prelude would have to be SQL text. Those that
 * cannot be anything else stay: several statements, COPY, replication.
 */
function useExtendedProtocol(query: PendingQuery): void {
  if (query.options.simple !== true || query.streaming === true) return
  const text = knownText(query)
  if (text === undefined) return
  const kind = statementKind(text)
  if (kind === 'data' || kind === 'other' || isTransactionControl(kind)) {
    query.options.simple = kind === 'control'
    query.options.prepare = false
  }
}
