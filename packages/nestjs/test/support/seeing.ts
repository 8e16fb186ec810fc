import { Injectable } from '@nestjs/common'
import type {
  CallHandler,
  CanActivate,
  ExecutionContext,
  NestInterceptor,
  PipeTransform,
} from '@nestjs/common'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { map, type Observable } from 'rxjs'
import { current } from './tenants.ts'

/** What was current at each place on the way of the last message. */
export type Places = Record<string, string>

let places: Places = {}

/** Notes what is current here. */
export function see(place: string): void {
  places[place] = current()
}

/** The places of the messages since the last time. */
export function takePlaces(): Places {
  const taken = places
  places = {}
  return taken
}

/** What a message of one tenant has to have seen, in a handler that returns a value and in one that returns an Observable. */
export function placesOf(id: string): { value: Places; observable: Places } {
  const around = { guard: id, interceptor: id, interceptorAfter: id }
  return {
    value: { ...around, pipe: id, handler: id, handlerLater: id },
    observable: { ...around, observable: id, operator: id },
  }
}

@Injectable()
export class SeeingGuard implements CanActivate {
  async canActivate(): Promise<boolean> {
    await nextTurn()
    see('guard')
    return true
  }
}

@Injectable()
export class SeeingInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    see('interceptor')
    return next.handle().pipe(
      map((value: unknown) => {
        see('interceptorAfter')
        return value
      }),
    )
  }
}

@Injectable()
export class SeeingPipe implements PipeTransform {
  async transform(value: unknown): Promise<unknown> {
    await nextTurn()
    see('pipe')
    return value
  }
}
