import { ERROR_CODES } from '@tenantry/core'

const SQLSTATE = /^[0-9A-Z]{5}$/

/**
 * The SQLSTATE or Tenantry code of an error, wherever a library keeps it: on the error, on the driver's error that it
 * wraps, or down its causes.
 */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { code, cause, driverError } = error as { code?: unknown; cause?: unknown; driverError?: unknown }
  if (
    typeof code === 'string' &&
    (SQLSTATE.test(code) || (ERROR_CODES as readonly string[]).includes(code))
  ) {
    return code
  }
  return errorCode(driverError) ?? errorCode(cause)
}
