import type { ExecutionContext } from '@nestjs/common'
import type { TenantRequest, TenantRequestKind } from './tenant-resolver.ts'

type Headers = TenantRequest['headers']

/** What Express, Fastify and Node's own requests have. */
interface HttpRequest {
  readonly headers?: Headers
  readonly rawHeaders?: readonly string[]
  readonly params?: unknown
  /** Fastify keeps Node's request there. */
  readonly raw?: { readonly rawHeaders?: readonly string[] }
}

/** Apollo keeps the request as `req`, Mercurius in its reply. */
interface GraphqlContext extends Readonly<Record<string, unknown>> {
  readonly reply?: { readonly request?: unknown }
}

/** A request of Express or Fastify, as resolvers see it. */
export function toTenantRequest(kind: TenantRequestKind, request: object): TenantRequest {
  const { headers = {}, rawHeaders, params, raw } = request as HttpRequest
  return {
    kind,
    headers,
    rawHeaders: rawHeaders ?? raw?.rawHeaders,
    params: typeof params === 'object' && params !== null ? (params as TenantRequest['params']) : {},
    raw: request,
  }
}

/**
 * The request that is being handled: of a controller, or what GraphQL's context has as one. `undefined` for everything else,
 * and for GraphQL whose context has none.
 */
export function httpRequestOf(context: ExecutionContext): TenantRequest | undefined {
  const kind: string = context.getType()
  if (kind === 'http') return toTenantRequest('http', context.switchToHttp().getRequest())
  if (kind !== 'graphql') return undefined
  // Apollo's and Mercurius's contexts; GraphQL passes them third.
  const found = context.getArgByIndex<GraphqlContext | undefined>(2)
  const request = found?.['req'] ?? found?.reply?.request
  return typeof request === 'object' && request !== null ? toTenantRequest('graphql', request) : undefined
}

/**
 * Whether what GraphQL's context has as its request is the connection of graphql-ws, which Nest puts there. It has no headers:
 * who was let in by those of the handshake cannot be asked about again.
 */
export function isConnection({ kind, raw }: TenantRequest): boolean {
  return kind === 'graphql' && 'extra' in raw && !('headers' in raw)
}

/** Node's own request, the one object that middleware and handlers share on Express and on Fastify. */
export function nodeRequestOf(request: object): object {
  const { raw } = request as { raw?: unknown }
  return typeof raw === 'object' && raw !== null ? raw : request
}
