import type postgres from 'postgres'
import { TenantryError } from '../errors.ts'

/** A connection of postgres.js, as its queries know it: the object is the same for life, its values are not. */
export interface BackendKey {
  readonly pid: number | null
  readonly secret: number | null
}

/**
 * A query of postgres.js, made and perhaps not yet sent, with those of its private members that carry the scope. A
 * release of postgres.js without them is refused when a client is made ({@link checkDriver}).
 */
export interface PendingQuery extends Promise<unknown> {
  strings: readonly string[]
  readonly tagged: boolean
  /** Sends it; called one microtask after its first `then`. */
  handler: QueryHandler
  canceller: ((query: PendingQuery) => unknown) | null
  readonly options: { simple?: boolean; prepare?: boolean; onexecute?: (connection: object) => unknown }
  /** Assigned by the connection that takes it on, just before it writes; again if it tries again. */
  state: BackendKey | null
  /** It is the one that its connection works on. */
  active: boolean
  readonly streaming?: boolean
  readonly onlyDescribe?: boolean
  resolve: (value: unknown) => void
  reject: (error: unknown) => void
  forEachFn?: (row: unknown, result: unknown) => unknown
  cursorFn?: (rows: unknown) => unknown
}

/** What a query calls to be sent. */
export interface QueryHandler {
  (query: PendingQuery): unknown
  debug?: unknown
}

/** A client of postgres.js with the members that its types leave out. */
export type RawSql = postgres.Sql & {
  unsafe(text: string, values?: unknown[], options?: object): postgres.PendingQuery<never>
  close(): Promise<void>
}

/** What postgres.js makes of its options. Given back to it, it takes them as they are. */
export interface ParsedOptions {
  readonly host: string[]
  readonly port: number[]
  readonly path: string | false | undefined
  readonly database: string
  readonly max: number
  readonly ssl: unknown
  readonly sslnegotiation: unknown
  readonly prepare: boolean
  readonly debug: unknown
  readonly connection: Record<string, unknown>
  readonly socket: unknown
  readonly shared: { readonly retries: number; readonly typeArrayMap: Record<number, number> }
  readonly parsers: Record<number, unknown>
  readonly serializers: Record<number, unknown>
  readonly types: Record<string, unknown>
  readonly [option: string]: unknown
}

/** Sees the query that `sql.unsafe` and `sql\`…\`` return as what it is. */
export function asPending(query: unknown): PendingQuery {
  return query as PendingQuery
}

/** Whether something made by `sql(…)` is a query and not a helper such as an identifier. */
export function isPending(made: unknown): made is PendingQuery {
  return typeof made === 'object' && made !== null && 'handler' in made && 'strings' in made
}

/** The text, where it is known before it is sent: not that of a template with values or fragments in it. */
export function knownText(query: PendingQuery): string | undefined {
  return query.strings.length === 1 ? query.strings[0] : undefined
}

/** @throws TenantryError `UNSUPPORTED_DRIVER` if this release of postgres.js is not made as the ones that are supported */
export function checkDriver(raw: RawSql): void {
  const query = asPending(raw.unsafe('')) as unknown as Record<string, unknown>
  const { shared } = raw.options as unknown as Partial<ParsedOptions>
  const functions = ['handler', 'canceller', 'resolve', 'reject', 'cancel']
  const wrong =
    functions.some((name) => typeof query[name] !== 'function') ||
    !Array.isArray(query['strings']) ||
    query['state'] !== null ||
    Object.getOwnPropertyDescriptor(query, 'state')?.configurable !== true ||
    typeof shared?.typeArrayMap !== 'object'
  if (wrong) throw unsupportedDriver()
}

/** The error for a release of postgres.js whose inner workings are others. */
export function unsupportedDriver(): TenantryError {
  return new TenantryError({
    code: 'UNSUPPORTED_DRIVER',
    message:
      'This release of postgres.js does not say which query a statement on the wire belongs to, so nothing is sent. ' +
      'Use postgres 3.4.',
  })
}

/** Has `watch` called whenever a connection takes the query on, before a byte of it is written. */
export function watchExecutions(query: PendingQuery, watch: (backend: BackendKey) => void): void {
  let state = query.state
  void Object.defineProperty(query, 'state', {
    configurable: true,
    enumerable: true,
    get: () => state,
    set(value: BackendKey | null) {
      state = value
      if (value !== null) watch(value)
    },
  })
}
