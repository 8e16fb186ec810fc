import {
  SystemPoolRequiredError,
  TenantMismatchError,
  TenantRequiredError,
  TenantryError,
} from '../errors.ts'
import { describeScope } from '../scope.ts'
import type { Scope } from '../scope.ts'

/*
 * Why the checkout hook refuses a statement.
 */

export function refuseWithoutScope(): TenantryError {
  return new TenantRequiredError(
    'No scope: nobody knows for which tenant this statement is, so it was not sent. Wrap the request or job in ' +
      'tenancy.run(tenant, fn), or say so with tenancy.withoutTenant(fn) or tenancy.asSystem(reason, fn).',
  )
}

export function refuseWithoutSystemPool(): TenantryError {
  return new SystemPoolRequiredError(
    'tenancy.asSystem needs a system pool. Give new TenantPool({ system: { connectionString } }), with a role that has ' +
      'BYPASSRLS and is used for nothing else.',
  )
}

export function refuseOtherScope(held: Scope, current: Scope): TenantryError {
  const sameTenant = held.kind === current.kind && held.values['tenantId'] === current.values['tenantId']
  return new TenantMismatchError(
    sameTenant
      ? `This client or transaction was checked out for ${describeScope(held)} with other settings than now. ` +
          'Check out another one in the new scope.'
      : `This client or transaction was checked out for ${describeScope(held)} and cannot act for ` +
          `${describeScope(current)}. Check out another one inside the new scope, or finish this one first.`,
  )
}

export function refuseReleased(): TenantryError {
  return new TenantryError({
    code: 'CLIENT_RELEASED',
    message:
      'This client has been released to the pool, and the connection may act for another tenant by now. ' +
      'Check out a new one with pool.connect().',
  })
}

export function refuseSecondRelease(): TenantryError {
  return new TenantryError({
    code: 'CLIENT_RELEASED',
    message:
      'Release called on client which has already been released to the pool. ' +
      'Release each client once, in a finally block.',
  })
}

export function refuseControlOnPool(): TenantryError {
  return new TenantryError({
    code: 'TRANSACTION_CONTROL_REFUSED',
    message:
      'Transaction control through pool.query() reaches whichever connection is free, so it never controls your own ' +
      'transaction. Use pool.transaction(fn), or one client from pool.connect().',
  })
}

export function refuseControlInText(): TenantryError {
  return new TenantryError({
    code: 'TRANSACTION_CONTROL_REFUSED',
    message:
      'A text of several statements that also begins or ends a transaction: what follows the end would run with no ' +
      'tenant. Send the transaction control as statements of its own, or use pool.transaction(fn).',
  })
}

export function refuseCopy(): TenantryError {
  return new TenantryError({
    code: 'COPY_NEEDS_TRANSACTION',
    message:
      'COPY cannot share a protocol group with the statement that sets the tenant. Run it on one client inside a ' +
      'transaction that has already run a statement: pool.transaction(async (client) => { await client.query("select 1"); … }).',
  })
}

export function refuseCopyIn(): TenantryError {
  return new TenantryError({
    code: 'COPY_FROM_UNSUPPORTED',
    message:
      'PostgreSQL does not support COPY FROM on tables with row-level security. Use ' +
      'INSERT … SELECT … FROM unnest($1::text[], …), or load the file in tenancy.asSystem(reason, fn).',
  })
}
