import { TenantryError, type Tenancy } from '@tenantry/core'
import type { ResolvedTenant } from '../tenant-resolver.ts'

const FIELD = 'tenantry:tenant'

/** A message's data and the tenant it is for, as {@link tenantClient} sends them. */
interface TenantEnvelope {
  readonly [FIELD]: ResolvedTenant
  readonly data: unknown
}

/** Puts the tenant, with every setting that has a value, around a message's data. */
export function toEnvelope(tenancy: Tenancy, data: unknown): TenantEnvelope {
  // Throws where there is no tenant: the message of a system's or of nobody's work is sent with the plain client.
  tenancy.tenantId()
  return { [FIELD]: tenancy.current()?.values as unknown as ResolvedTenant, data }
}

/** What is in an envelope; `undefined` if this is none. */
export function fromEnvelope(message: unknown): { tenant: ResolvedTenant; data: unknown } | undefined {
  if (typeof message !== 'object' || message === null || !Object.hasOwn(message, FIELD)) return undefined
  const { [FIELD]: tenant, data } = message as TenantEnvelope
  // From the network: a list or a text is no settings, and `run` says what is wrong with those within.
  if (typeof tenant !== 'object' || Array.isArray(tenant)) {
    throw new TenantryError({
      code: 'INVALID_TENANT_ID',
      message:
        'The tenant of a message has to be an object of settings. Send messages with tenantClient of Tenantry.',
    })
  }
  return { tenant, data }
}
