import { TenantryError, type TenantryErrorCode } from '@tenantry/core'

/** The code of the error of Tenantry that `work` throws. */
export function codeOf(work: () => unknown): TenantryErrorCode | undefined {
  try {
    work()
  } catch (error) {
    if (TenantryError.isInstance(error)) return error.code
    throw error
  }
  return undefined
}
