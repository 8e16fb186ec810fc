import { Catch, UseFilters, UseGuards, UseInterceptors } from '@nestjs/common'
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common'
import {
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WsException,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
} from '@nestjs/websockets'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { defer, map, tap, type Observable } from 'rxjs'
import { see, SeeingGuard, SeeingInterceptor, SeeingPipe } from './seeing.ts'
import { current } from './tenants.ts'

/** A socket of ws or of socket.io. */
interface Client {
  readonly disconnect?: unknown
  send(text: string): void
  emit(event: string, data: unknown): void
}

@Catch(WsException)
class SeeingFilter implements ExceptionFilter {
  catch(_exception: WsException, host: ArgumentsHost): void {
    see('filter')
    const client = host.switchToWs().getClient<Client>()
    if (client.disconnect === undefined) client.send(JSON.stringify({ event: 'filtered' }))
    else client.emit('filtered', {})
  }
}

/** What connections saw, in order. */
export const connections: string[] = []

@WebSocketGateway()
@UseGuards(SeeingGuard)
@UseInterceptors(SeeingInterceptor)
@UseFilters(SeeingFilter)
export class PlacesGateway implements OnGatewayConnection, OnGatewayDisconnect {
  handleConnection(): void {
    connections.push(`connected ${current()}`)
  }

  handleDisconnect(): void {
    connections.push(`disconnected ${current()}`)
  }

  @SubscribeMessage('places')
  async places(@MessageBody(SeeingPipe) _message: unknown): Promise<unknown> {
    see('handler')
    await nextTurn()
    see('handlerLater')
    return { event: 'places', data: {} }
  }

  @SubscribeMessage('observable')
  observable(): Observable<unknown> {
    return defer(async () => {
      see('observable')
      await nextTurn()
    }).pipe(
      tap(() => see('operator')),
      map(() => ({ event: 'observable', data: {} })),
    )
  }

  @SubscribeMessage('error')
  error(): never {
    throw new WsException('no')
  }
}
