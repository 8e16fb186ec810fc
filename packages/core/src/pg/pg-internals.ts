import type { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'
import pg from 'pg'
import utilities from 'pg/lib/utils.js'

/*
 * The parts of node-postgres below its documented interface that TenantPool stands on, the same in 8.11 to 8.23.
 * Everything this package uses of them is declared in this file.
 */

/** The wire side of a client: one method a protocol message. */
export interface WireConnection extends EventEmitter {
  stream: Duplex
  parse: (
    this: WireConnection,
    message: { text: string; name?: string; types?: readonly number[] },
    more?: boolean,
  ) => void
  bind: (this: WireConnection, message: BindMessage, more?: boolean) => void
  describe(message: { type: 'P' | 'S'; name?: string }, more?: boolean): void
  execute(message: { portal?: string; rows?: number }, more?: boolean): void
  close(message: { type: 'P' | 'S'; name?: string }, more?: boolean): void
  query: (this: WireConnection, text: string) => void
  sync: (this: WireConnection) => void
}

export interface BindMessage {
  readonly portal?: string
  readonly statement?: string
  readonly binary?: boolean
  readonly values?: readonly unknown[]
  readonly valueMapper?: (value: unknown) => unknown
}

/** A column as RowDescription gives it. */
export type FieldDescription = object

/** What `client.query` accepts besides text and config: pg.Query, pg-cursor, pg-query-stream, pg-copy-streams. */
export interface Submittable {
  submit: (this: Submittable, connection: WireConnection) => Error | null | undefined | void
  handleError: (this: Submittable, error: Error, connection: WireConnection) => void
  handleReadyForQuery: (this: Submittable, connection: WireConnection) => void
  callback?: QueryCallback
  requiresPreparation?: () => boolean
  binary?: boolean
  values?: unknown
  emit?: (event: string, ...values: unknown[]) => boolean
}

export type QueryCallback = (error: Error | null | undefined, result?: unknown) => void

/** pg.Query, with the members that pg itself calls. */
export interface WireQuery extends Omit<EventEmitter, 'emit'>, Submittable {
  emit(event: string, ...values: unknown[]): boolean
  text: string
  name?: string
  values?: unknown[]
  types?: readonly number[] | object
  rows?: number
  binary?: boolean
  portal: string
  submit(connection: WireConnection): Error | null
  prepare(connection: WireConnection): void
  requiresPreparation(): boolean
  handleRowDescription(message: { fields: readonly FieldDescription[] }): void
  handleCommandComplete(message: { text: string }, connection: WireConnection): void
}

/** pg.Client, with the message handlers that it binds when it connects. */
export interface WireClient extends pg.Client {
  readonly connection: pg.Connection & WireConnection
  readonly _connecting: boolean
  readonly _queryable: boolean
  readonly _ending: boolean
  readonly readyForQuery?: boolean
  readonly binary?: boolean
  readonly connectionParameters: { options?: string; query_timeout?: number | false }
  /** 8.17 and later; before, the same under the name `queryQueue`. */
  readonly _queryQueue?: readonly unknown[]
  readonly queryQueue: readonly unknown[]
  _handleErrorEvent(error: Error): void
  _handleErrorMessage(message: DatabaseMessage): void
  _handleReadyForQuery(message: { status: TransactionStatus }): void
  _handleRowDescription(message: { fields: readonly FieldDescription[] }): void
  _handleDataRow(message: { fields: readonly (string | null)[] }): void
  _handleCommandComplete(message: { text: string }): void
  _handleParseComplete(message: object): void
  _handlePortalSuspended(message: object): void
  _handleEmptyQuery(message: object): void
  _handleCopyInResponse(message: object): void
  _handleCopyData(message: object): void
}

/** Idle, in a transaction, or in a failed one. https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-READYFORQUERY */
export type TransactionStatus = 'I' | 'T' | 'E'

/** An ErrorResponse, which pg turns into a DatabaseError. */
export type DatabaseMessage = Error & { code?: string; routine?: string; position?: string }

export const BaseClient = pg.Client as unknown as new (config: unknown) => WireClient

export const BaseQuery = pg.Query as unknown as new (
  config: unknown,
  values?: unknown,
  callback?: unknown,
) => WireQuery

/** How pg turns a JavaScript value into the text or bytes of a parameter; throws what a `toPostgres` method throws. */
export const prepareValue = (value: unknown): unknown => utilities.prepareValue(value)
