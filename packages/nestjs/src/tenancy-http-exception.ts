import { HttpException } from '@nestjs/common'
import { TenantryError } from '@tenantry/core'
import type { TenantryErrorCode } from '@tenantry/core'

/** The errors that are the caller's. Every other one is the application's: 500. */
const RESPONSES: Partial<Record<TenantryErrorCode, readonly [status: number, message: string]>> = {
  INVALID_TENANT_ID: [400, 'Bad Request'],
  TENANT_REQUIRED: [401, 'Unauthorized'],
  TENANT_MISMATCH: [403, 'Forbidden'],
}

/**
 * The response to an error of Tenantry, for exception filters of your own: 401 for `TENANT_REQUIRED`, 400 for
 * `INVALID_TENANT_ID`, 403 for `TENANT_MISMATCH`, and 500 for the rest. Its body names the code and nothing else: no id, no
 * statement, no message. The error itself is its `cause`.
 *
 * @param error what was thrown; also what an ORM wrapped around an error of Tenantry
 * @returns `undefined` for everything that is not an error of Tenantry
 * @example
 * ```ts no-run
 * catch(error: unknown, host: ArgumentsHost) {
 *   super.catch(tenancyHttpException(error) ?? error, host)
 * }
 * ```
 */
export function tenancyHttpException(error: unknown): HttpException | undefined {
  const cause = findTenantryError(error)
  if (cause === undefined) return undefined
  const [statusCode, message] = RESPONSES[cause.code] ?? [500, 'Internal server error']
  const body = statusCode === 500 ? { statusCode, message } : { statusCode, message, code: cause.code }
  return new HttpException(body, statusCode, { cause: error })
}

/**
 * The error of Tenantry in what was thrown. ORMs wrap what their driver throws: Drizzle as `cause`, TypeORM as
 * `driverError`. An exception of Nest is an answer that somebody chose, whatever its cause.
 */
export function findTenantryError(thrown: unknown): TenantryError | undefined {
  let error: unknown = thrown
  // Bounded, for a chain of causes may be a ring.
  for (let depth = 0; depth < 8 && typeof error === 'object' && error !== null; depth += 1) {
    if (TenantryError.isInstance(error)) return error
    if ('getStatus' in error) return undefined
    const { cause, driverError } = error as { cause?: unknown; driverError?: unknown }
    error = driverError ?? cause
  }
  return undefined
}
