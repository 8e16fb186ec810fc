import { Catch, Logger } from '@nestjs/common'
import type { ArgumentsHost } from '@nestjs/common'
import { BaseExceptionFilter } from '@nestjs/core'
import { throwError } from 'rxjs'
import { messageRefusal, type MessageRefusal } from './message-refusal.ts'
import { findTenantryError, tenancyHttpException } from './tenancy-http-exception.ts'

// Nest asks `instanceof`, which is false for the errors of another copy of core, and for those that an ORM has wrapped.
// oxlint-disable-next-line typescript/no-extraneous-class
class AnyTenantryError {
  static [Symbol.hasInstance](error: unknown): boolean {
    return findTenantryError(error) !== undefined
  }
}

/** A socket of Socket.IO, or one of `ws`, whose `emit` reaches nobody. */
interface WsClient {
  readonly readyState?: unknown
  send(frame: string): void
  emit(event: string, data: unknown): unknown
}

function refuseFrame(client: WsClient, refusal: MessageRefusal): void {
  if (typeof client.readyState === 'number') {
    client.send(JSON.stringify({ event: 'exception', data: refusal }))
  } else {
    client.emit('exception', refusal)
  }
}

/** Answers errors of Tenantry as {@link tenancyHttpException} says, and no others. */
@Catch(AnyTenantryError)
export class TenancyExceptionFilter extends BaseExceptionFilter {
  readonly #logger = new Logger('TenancyModule')

  override catch(error: unknown, host: ArgumentsHost): unknown {
    const exception = tenancyHttpException(error) ?? error
    const kind: string = host.getType()
    // GraphQL takes what a filter returns, and makes the response itself; microservices take an Observable.
    if (kind === 'graphql') return exception
    if (kind === 'rpc') return throwError(() => messageRefusal(error))
    if (kind === 'ws') return refuseFrame(host.switchToWs().getClient<WsClient>(), messageRefusal(error))
    const { status } = exception as { status?: number }
    // An error of the application: Nest's filter logs it and says no more than that.
    // oxlint-disable-next-line promise/valid-params
    if (status === 500) return super.catch(error, host)
    // The response says nothing, and nobody refused it on purpose: whoever wrote the handler finds the reason here.
    this.#logger.warn(findTenantryError(error)?.message)
    // oxlint-disable-next-line promise/valid-params
    return super.catch(exception, host)
  }
}
