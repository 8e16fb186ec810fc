import { Logger } from '@nestjs/common'
import type { MessageHandler, Server } from '@nestjs/microservices'
import type { Tenancy } from '@tenantry/core'
import { throwError } from 'rxjs'
import { isFinal, messageRefusal, refusingErrors } from '../message-refusal.ts'
import { enterTenant, noTenantNamed, type Enter } from '../message-scope.ts'
import type { ResolvedTenant } from '../tenant-resolver.ts'
import { fromEnvelope } from './tenant-envelope.ts'

/** What a server has heard. */
export interface TenantMessage {
  /** As `@MessagePattern` or `@EventPattern` has it, objects as JSON. */
  readonly pattern: string
  readonly data: unknown
  /** The transport's: `KafkaContext`, `RmqContext`, `TcpContext`, …; of gRPC the metadata. */
  readonly context: unknown
}

/** What {@link tenantStrategy} takes. */
export interface TenantStrategyOptions {
  /** That of the pool. */
  readonly tenancy: Tenancy
  /**
   * Says for which tenant a message is: from a token in it, from its headers. It runs without a tenant. Whatever it throws
   * refuses the message, and so does `undefined`. Unless given, the tenant is the one that {@link tenantClient} sent: right
   * where everybody who can send messages may act for every tenant.
   */
  readonly tenant?: (
    message: TenantMessage,
  ) => ResolvedTenant | undefined | Promise<ResolvedTenant | undefined>
  /** The patterns of messages that are for no tenant. */
  readonly withoutTenant?: readonly string[]
}

type Handler = MessageHandler<unknown, unknown, unknown>

const originals = new WeakMap<Handler, Handler>()

/**
 * A server of Nest's microservices whose messages each act for their tenant: guards, interceptors, pipes, the handler, its
 * Observable and exception filters. A message without a tenant is answered with an error and reaches no handler.
 *
 * @param server any strategy, such as `new ServerTCP(…)`; it is changed and returned
 * @example
 * ```ts no-run
 * app.connectMicroservice({ strategy: tenantStrategy(new ServerTCP({ port: 4000 }), { tenancy }) })
 * ```
 */
export function tenantStrategy<Strategy extends Pick<Server, 'addHandler'>>(
  server: Strategy,
  options: TenantStrategyOptions,
): Strategy {
  const addHandler = server.addHandler.bind(server)
  server.addHandler = (pattern: unknown, handler: Handler, isEvent = false, extras = {}) => {
    handler.isEventHandler = isEvent
    addHandler(pattern, inTenant(options, patternText(pattern), handler), isEvent, extras)
  }
  return server
}

function inTenant(options: TenantStrategyOptions, pattern: string, handler: Handler): Handler {
  const logger = new Logger('TenancyModule')

  const scoped = async (message: unknown, context: unknown, ...others: unknown[]): Promise<unknown> => {
    let admitted: AdmittedMessage
    try {
      admitted = await admit(options, pattern, message, context)
    } catch (error) {
      const refusal = messageRefusal(error)
      if (handler.isEventHandler !== true || !isFinal(refusal)) return throwError(() => refusal)
      // Nobody waits for the answer to an event, and a queue that hears of an error would send it again forever.
      logger.warn(error instanceof Error ? error.message : error)
      return undefined
    }
    const { enter, data } = admitted
    // gRPC passes more than Nest's type says.
    const result: unknown = await enter(() => (handler as Callback)(data, context, ...others))
    return refusingErrors(result, (refusal) => throwError(() => refusal))
  }
  return withNext(scoped, handler)
}

/** A message that may be handled: as what, and its data. */
interface AdmittedMessage {
  readonly enter: Enter
  readonly data: unknown
}

async function admit(
  { tenancy, tenant: tenantOf, withoutTenant = [] }: TenantStrategyOptions,
  pattern: string,
  message: unknown,
  context: unknown,
): Promise<AdmittedMessage> {
  const envelope = fromEnvelope(message)
  const data = envelope === undefined ? message : envelope.data
  if (withoutTenant.includes(pattern)) return { enter: (fn) => tenancy.withoutTenant(fn), data }
  const tenant =
    tenantOf === undefined
      ? envelope?.tenant
      : await tenancy.withoutTenant(() => tenantOf({ pattern, data, context }))
  if (tenant === undefined || tenant === null) {
    throw noTenantNamed(
      `A message with the pattern ${JSON.stringify(pattern)}`,
      'Send it with tenantClient, or give tenantStrategy a "tenant" function that knows.',
    )
  }
  return { enter: enterTenant(tenancy, tenancy.scopeOf(tenant)), data }
}

type Callback = (...values: unknown[]) => unknown

/**
 * Several handlers of one event form a chain: Nest appends to the last and calls the next from the one before, within its
 * scope and with its data. So the chain that Nest sees is of ours, and the one that runs is of those they stand for.
 */
function withNext(scoped: Handler, handler: Handler): Handler {
  originals.set(scoped, handler)
  let next: Handler | undefined
  return Object.defineProperty(scoped, 'next', {
    get: () => next,
    set: (value: Handler) => {
      next = value
      handler.next = originals.get(value) ?? value
    },
  })
}

function patternText(pattern: unknown): string {
  return typeof pattern === 'string' ? pattern : JSON.stringify(pattern)
}
