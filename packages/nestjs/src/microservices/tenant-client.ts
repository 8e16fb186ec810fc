import type { ClientProxy } from '@nestjs/microservices'
import type { Tenancy } from '@tenantry/core'
import { toEnvelope } from './tenant-envelope.ts'

/** What of a client sends messages. */
export type TenantClient = Pick<ClientProxy, 'send' | 'emit'>

/**
 * A client that sends the current tenant, with every setting that has a value, along with each message. It is read when `send`
 * or `emit` is called, not when somebody subscribes. For servers with {@link tenantStrategy}, over any transport.
 *
 * @throws TenantRequiredError from `send` and `emit` if the current scope has no tenant
 * @example
 * ```ts no-run
 * const billing = tenantClient(client, tenancy)
 * const invoice = await firstValueFrom(billing.send<Invoice>('invoice', { month: '2026-10' }))
 * ```
 */
export function tenantClient(client: TenantClient, tenancy: Tenancy): TenantClient {
  // The result has the type that the caller of `send` says, whichever that is.
  return {
    send: (pattern: unknown, data: unknown) => client.send<never>(pattern, toEnvelope(tenancy, data)),
    emit: (pattern: unknown, data: unknown) => client.emit<never>(pattern, toEnvelope(tenancy, data)),
  }
}
