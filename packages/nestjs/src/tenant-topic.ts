import type { Tenancy } from '@tenantry/core'

/**
 * The name of a topic or room of the current tenant: of a GraphQL subscription's events, of a socket.io room, of a channel.
 * A topic without the tenant in it reaches the subscribers of all tenants.
 *
 * @param name what the topic is about
 * @throws TenantRequiredError if the current scope has no tenant
 * @example
 * ```ts no-run
 * await pubSub.publish(tenantTopic(tenancy, 'projectAdded'), { projectAdded: project })
 * ```
 */
export function tenantTopic(tenancy: Tenancy, name: string): string {
  // Encoded, so that no id can end early and continue as the name of another topic.
  return `tenant:${encodeURIComponent(tenancy.tenantId())}:${name}`
}
