import { InvalidTenantIdError } from '@tenantry/core'
import type { TenantRequest } from './tenant-resolver.ts'

/**
 * The one value of a header, `undefined` where it is missing or empty. Of a repeated header Node keeps the first value, or
 * joins all: what a proxy checked and what the application reads could then be different ones.
 *
 * @throws InvalidTenantIdError if the header is there more than once
 */
export function singleHeader({ headers, rawHeaders }: TenantRequest, name: string): string | undefined {
  const value = headers[name]
  const times = rawHeaders?.filter((each, index) => index % 2 === 0 && each.toLowerCase() === name).length
  if ((times ?? 0) > 1 || Array.isArray(value)) {
    throw new InvalidTenantIdError(
      `The request has the header "${name}" more than once. Have the proxy in front replace what clients send.`,
    )
  }
  return typeof value === 'string' && value !== '' ? value : undefined
}
