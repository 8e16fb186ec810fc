import { InvalidTenantIdError } from '@tenantry/core'
import { domainToASCII } from 'node:url'
import { invalidConfig } from '../invalid-config.ts'
import { singleHeader } from '../request-headers.ts'
import type { ResolvedTenant, TenantRequest, TenantResolver } from '../tenant-resolver.ts'

/** What {@link tenantFromSubdomain} takes. */
export interface TenantFromSubdomainOptions {
  /** The domain below which every tenant has its own, such as `example.com`. Never guessed from a request. */
  readonly baseDomain: string
  /** Subdomains that are no tenants. `['www']` unless given. */
  readonly reserved?: readonly string[]
  /**
   * Finds the tenant of a subdomain, which is given in lower case and, where it is international, in its ASCII form. It runs
   * without a tenant. Unless given, the subdomain is the tenant's id.
   */
  readonly lookup?: (subdomain: string) => ResolvedTenant | undefined | Promise<ResolvedTenant | undefined>
  /**
   * `true` says: a proxy sets `X-Forwarded-Host` and removes what clients send. The subdomain is then that one's, and where
   * it is missing nobody's.
   */
  readonly trustedProxy?: boolean
}

// One label of a host name: RFC 1123, 2.1, which allows no underscore.
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/**
 * The tenant from the subdomain: `acme` of `acme.example.com`. It says which tenant is asked for, and nothing about who asks:
 * use it with `membership`, or with a resolver of a verified token, which then has to agree.
 *
 * No answer for the base domain itself, a reserved subdomain, one of several labels, an address and a foreign domain.
 *
 * @throws TenantryError `INVALID_CONFIG` if `baseDomain` is no domain, or a top-level one
 * @example
 * ```ts no-run
 * tenantFromSubdomain({
 *   baseDomain: 'example.com',
 *   lookup: (subdomain) => tenants.findIdBySubdomain(subdomain),
 * })
 * ```
 */
export function tenantFromSubdomain(options: TenantFromSubdomainOptions): TenantResolver {
  const suffix = `.${parseBaseDomain(options.baseDomain)}`
  const reserved = new Set((options.reserved ?? ['www']).map((each) => each.toLowerCase()))
  return (request) => {
    const host = hostOf(request, options.trustedProxy === true)
    if (host === undefined || !host.endsWith(suffix)) return undefined
    const subdomain = host.slice(0, -suffix.length)
    if (!LABEL.test(subdomain) || reserved.has(subdomain)) return undefined
    return options.lookup === undefined ? subdomain : options.lookup(subdomain)
  }
}

function parseBaseDomain(baseDomain: unknown): string {
  const domain = typeof baseDomain === 'string' ? domainToASCII(baseDomain).replace(/\.$/, '') : ''
  const labels = domain.split('.')
  // With `com` as the base, `acme.com` would be a tenant. `localhost` is for development.
  if (!labels.every((label) => LABEL.test(label)) || (labels.length < 2 && domain !== 'localhost')) {
    throw invalidConfig(
      'tenantFromSubdomain',
      `"baseDomain" is ${JSON.stringify(baseDomain)}. Give your own domain, such as 'example.com', without scheme and port.`,
    )
  }
  return domain
}

/** The host that was asked for, without its port and the dot of a complete name. */
function hostOf(request: TenantRequest, trustedProxy: boolean): string | undefined {
  // HTTP/2 has no Host, but `:authority`.
  const value = trustedProxy
    ? singleHeader(request, 'x-forwarded-host')
    : (singleHeader(request, 'host') ?? singleHeader(request, ':authority'))
  if (value?.includes(',') === true) {
    throw new InvalidTenantIdError(
      'The request names several hosts. Have the proxy set X-Forwarded-Host to one.',
    )
  }
  return value?.trim().toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '')
}
