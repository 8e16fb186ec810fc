import { TenantryError } from '@tenantry/core'

/** @param use what was misconfigured, as the application wrote it */
export function invalidConfig(use: string, message: string): TenantryError {
  return new TenantryError({ code: 'INVALID_CONFIG', message: `${use}: ${message}` })
}
