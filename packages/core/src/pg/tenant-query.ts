import type { Lease } from './lease.ts'
import { BaseQuery, prepareValue } from './pg-internals.ts'
import type { FieldDescription, WireConnection } from './pg-internals.ts'
import type { PreparedStatement } from './prepared-statements.ts'
import { statementKind } from './statement-kind.ts'
import type { StatementKind } from './statement-kind.ts'

/**
 * A config of one's own to hand to pg, which before 8.17 writes the callback and values of a query into the caller's
 * object: the next query made with it, somebody else's, would find them there.
 */
function ownCopy(config: unknown): unknown {
  if (typeof config !== 'object' || config === null) return config
  return Object.assign(Object.create(Object.getPrototypeOf(config) as object | null), config)
}

/** The columns end up in the result, and the result is the caller's to change. */
function copyOf(fields: readonly FieldDescription[]): FieldDescription[] {
  return fields.map((field) =>
    Object.assign(Object.create(Object.getPrototypeOf(field) as object) as object, field),
  )
}

/** A pg.Query that knows its checkout, and goes through the extended protocol when a prelude goes ahead of it. */
export class TenantQuery extends BaseQuery {
  readonly kind: StatementKind
  readonly lease: Lease
  /** Per-query timeout in milliseconds: pg reads it off the query it is given. */
  readonly query_timeout: number | undefined
  /** Set when it is sent: it must not be a simple query, which would leave a prelude's transaction open. */
  extended = false
  /** Set when it is sent under a name of ours. */
  statement: PreparedStatement | undefined
  /** Sent without Parse, its statement having been prepared by an earlier query. */
  reused = false
  /** Sent a second time, after the server had lost its plan or name. */
  retried = false
  /** Decides, now that its turn has come, what goes ahead of it; an error refuses it. */
  beforeSending!: (query: TenantQuery) => Error | 'nowhere' | undefined
  afterSending!: () => void

  /**
   * Converts the values at once, in the context of the caller: a `toPostgres` method may ask for the tenant, and one
   * that throws between Parse and Bind would leave half a group on the wire.
   *
   * @throws whatever converting a value throws
   */
  constructor(lease: Lease, config: unknown, values: unknown, callback?: unknown) {
    super(ownCopy(config), values, callback)
    this.lease = lease
    this.kind = statementKind(typeof this.text === 'string' ? this.text : '')
    this.query_timeout = (config as { query_timeout?: number }).query_timeout
    if (Array.isArray(this.values)) this.values = this.values.map((value) => prepareValue(value))
  }

  /** Whether it may go under a name of ours: rows in text form, in one portal, with no name of its own. */
  get preparable(): boolean {
    return (
      this.kind === 'data' &&
      !this.name &&
      !this.rows &&
      !this.binary &&
      !this.portal &&
      (this.values === undefined || Array.isArray(this.values))
    )
  }

  override submit(connection: WireConnection): Error | null {
    const refusal = this.beforeSending(this)
    if (refusal === 'nowhere') return null
    if (refusal !== undefined) return refusal
    // What pg would send as a simple query has text results, whatever `binary` says.
    if (this.extended && !super.requiresPreparation()) this.binary = false
    // pg corks only since 8.13, and not around what precedes Parse.
    connection.stream.cork()
    try {
      return super.submit(connection)
    } finally {
      connection.stream.uncork()
      this.afterSending()
    }
  }

  override requiresPreparation(): boolean {
    return this.extended || super.requiresPreparation()
  }

  override prepare(connection: WireConnection): void {
    const statement = this.statement
    if (statement === undefined) {
      super.prepare(connection)
      return
    }
    const { name, fields } = statement
    this.reused = statement.parsed
    if (!this.reused) {
      connection.parse({ text: this.text, name, ...(Array.isArray(this.types) && { types: this.types }) })
    }
    connection.bind({ statement: name, values: this.values ?? [], valueMapper: (value) => value })
    if (fields === undefined) connection.describe({ type: 'P' })
    else if (fields !== null) super.handleRowDescription({ fields: copyOf(fields) })
    connection.execute({})
    connection.sync()
  }

  override handleRowDescription(message: { fields: readonly FieldDescription[] }): void {
    if (this.statement !== undefined) this.statement.fields = copyOf(message.fields)
    super.handleRowDescription(message)
  }

  override handleCommandComplete(message: { text: string }, connection: WireConnection): void {
    if (this.statement?.fields === undefined && this.statement !== undefined) this.statement.fields = null
    super.handleCommandComplete(message, connection)
  }
}
