import { SystemPoolRequiredError, TenantryError } from '../errors.ts'
import type { Scope } from '../scope.ts'
import { describeScope } from '../scope.ts'
import { errorCode, withHint } from './messages.ts'

/*
 * Why a statement is refused, where the words of TenantPool would not fit.
 */

export function refuseWithoutSystem(): TenantryError {
  return new SystemPoolRequiredError(
    'tenancy.asSystem needs connections of its own. Give tenantPostgres({ system: { url } }), with a role that has ' +
      'BYPASSRLS and is used for nothing else.',
  )
}

export function refuseSubscription(scope: Scope | undefined): TenantryError {
  return new SystemPoolRequiredError(
    `sql.subscribe was called with ${describeScope(scope)}, and replication knows no row-level security: it delivers ` +
      "every tenant's rows. Call it inside tenancy.asSystem(reason, fn), with tenantPostgres({ system }).",
  )
}

export function refuseLargeObjects(): TenantryError {
  return new TenantryError({
    code: 'UNSUPPORTED_DRIVER',
    message:
      "sql.largeObject is not supported: large objects have no row-level security, so that any tenant reads every other's " +
      'by its number. Keep the bytes in a bytea column of a tenant table.',
  })
}

export function refuseFinished(what: 'transaction' | 'reserved connection'): TenantryError {
  return new TenantryError({
    code: 'CLIENT_RELEASED',
    message:
      what === 'transaction'
        ? 'This transaction is over, and its connection may act for another tenant by now. Await every query of a ' +
          'transaction before the function given to sql.begin returns.'
        : 'This reserved connection has been released, and may act for another tenant by now. Reserve a new one with ' +
          'sql.reserve().',
  })
}

export function refuseSecondRelease(): TenantryError {
  return new TenantryError({
    code: 'CLIENT_RELEASED',
    message: 'This reserved connection has been released before. Release each once, in a finally block.',
  })
}

export function refuseControlOutsideOfTransaction(): TenantryError {
  return new TenantryError({
    code: 'TRANSACTION_CONTROL_REFUSED',
    message:
      'Transaction control through sql`…` reaches whichever connection is free, so it never controls your own ' +
      'transaction. Use sql.begin(fn), or one connection from sql.reserve().',
  })
}

export function refuseControlInText(): TenantryError {
  return new TenantryError({
    code: 'TRANSACTION_CONTROL_REFUSED',
    message:
      'A text of several statements that also begins or ends a transaction: what follows the end would run with no ' +
      'tenant. Send the transaction control as statements of its own, or use sql.begin(fn).',
  })
}

export function transactionAborted(cause: unknown): TenantryError {
  return new TenantryError({
    code: 'TRANSACTION_ABORTED',
    message:
      'The server rolled the transaction back instead of committing it, because a statement in it had failed. Nothing ' +
      'of it is stored.',
    cause,
  })
}

export function desynchronised(scope: Scope | undefined, what: string): TenantryError {
  return new TenantryError({
    code: 'CONNECTION_DESYNCHRONISED',
    message:
      `A connection acting for ${describeScope(scope)} was destroyed before it could hand anybody another's rows: ` +
      `${what}. Something uses the connection behind Tenantry's back.`,
  })
}

const LOST_NAMES = ['42P05', '26000']

/** A server's error about a prelude: with the way out, if it comes of a pooler that loses the names of statements. */
export function hintAtLostNames(error: Buffer): Buffer {
  if (!LOST_NAMES.includes(errorCode(error) ?? '')) return error
  return withHint(
    error,
    'A pooler gave this connection another session, where the names of its prepared statements are others. Give ' +
      'tenantPostgres({ prepare: false }), or turn on max_prepared_statements in PgBouncer (1.21 or later).',
  )
}

/** What postgres.js itself says of a query that a user cancels before it is sent. */
export function cancelledBeforeSent(): Error {
  const message = 'canceling statement due to user request'
  return Object.assign(new Error(`57014: ${message}`), { code: '57014' })
}

/** What postgres.js itself says of a connection that is gone. */
export function connectionError(
  code: 'CONNECTION_CLOSED' | 'CONNECTION_ENDED' | 'CONNECTION_DESTROYED',
  address: string,
): Error {
  return Object.assign(new Error(`write ${code} ${address}`), { code, errno: code, address })
}
