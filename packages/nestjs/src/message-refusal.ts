import { HttpException, Logger } from '@nestjs/common'
import { catchError, isObservable, throwError, type Observable } from 'rxjs'
import { findTenantryError, tenancyHttpException } from './tenancy-http-exception.ts'

/** What a client is told whose message was refused before its handler, in the form of Nest's own error frames. */
export interface MessageRefusal {
  readonly status: 'error'
  readonly message: string
}

const logger = new Logger('TenancyModule')

const fault = 'Internal server error'

/** Whether the message would be refused again, and is no victim of a fault that passes. */
export function isFinal({ message }: MessageRefusal): boolean {
  return message !== fault
}

/** Says no more than HTTP would. What is a fault and no refusal is logged. */
export function messageRefusal(error: unknown): MessageRefusal {
  const exception = tenancyHttpException(error) ?? error
  if (exception instanceof HttpException && exception.getStatus() < 500) {
    const response: string | { message?: unknown } = exception.getResponse()
    const message = typeof response === 'string' ? response : response.message
    return { status: 'error', message: typeof message === 'string' ? message : exception.message }
  }
  logger.error(error)
  return { status: 'error', message: fault }
}

/**
 * What a handler has returned, with errors of Tenantry that its Observable ends with handed to `refuse`. Transports send an
 * error as it is, and some releases of `WsAdapter` end with it.
 */
export function refusingErrors(
  result: unknown,
  refuse: (refusal: MessageRefusal) => Observable<unknown>,
): unknown {
  if (!isObservable(result)) return result
  return result.pipe(
    catchError((error: unknown) => {
      const reason = findTenantryError(error)
      if (reason === undefined) return throwError(() => error)
      logger.warn(reason.message)
      return refuse(messageRefusal(reason))
    }),
  )
}
