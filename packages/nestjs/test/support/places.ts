import {
  Body,
  Catch,
  Controller,
  createParamDecorator,
  Get,
  HttpException,
  Injectable,
  Param,
  Post,
  Req,
  Res,
  Sse,
  StreamableFile,
  UploadedFile,
  UseFilters,
  UseGuards,
  UseInterceptors,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
  type PipeTransform,
} from '@nestjs/common'
import { FileInterceptor } from '@nestjs/platform-express'
import { createTenancy } from '@tenantry/core'
import { EventEmitter, once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { Readable } from 'node:stream'
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'
import { defer, finalize, interval, map, mergeMap, take, type Observable } from 'rxjs'
import type { RunningApplication } from './application.ts'

export const tenancy = createTenancy({ tenantId: 'text', name: 'places' })

const seen = new Map<string, string>()

/** What comes after the client has its response. */
const afterwards: Promise<void>[] = []

/** Tells when a handler listens to the rest of its request. */
const handlers = new EventEmitter()

/** Notes what is current at a place of the request. */
function see(place: string): void {
  const scope = tenancy.current()
  seen.set(place, scope?.kind === 'tenant' ? scope.tenantId : (scope?.kind ?? 'lost'))
}

@Injectable()
class SeeingGuard implements CanActivate {
  async canActivate(): Promise<boolean> {
    see('guard')
    await nextTurn()
    see('guard, later')
    return true
  }
}

@Injectable()
class SeeingInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    see('interceptor, before')
    return next.handle().pipe(
      map((value: unknown) => {
        see('interceptor, after')
        return value
      }),
      finalize(() => see('interceptor, finalize')),
    )
  }
}

@Injectable()
class SeeingPipe implements PipeTransform {
  async transform(value: unknown): Promise<unknown> {
    await nextTurn()
    see('pipe')
    return value
  }
}

@Catch(HttpException)
class SeeingFilter implements ExceptionFilter {
  async catch(exception: HttpException, host: ArgumentsHost): Promise<void> {
    await nextTurn()
    see('filter')
    const response = host.switchToHttp().getResponse<{
      status(code: number): { send(body: string): void }
    }>()
    response.status(exception.getStatus()).send('filtered')
  }
}

const SeeingParameter = createParamDecorator(() => {
  see('parameter decorator')
  return undefined
})

type NodeRequest = EventEmitter & { raw?: EventEmitter }

@UseGuards(SeeingGuard)
@UseInterceptors(SeeingInterceptor)
@UseFilters(SeeingFilter)
@Controller('places')
export class PlacesController {
  @Get('value/:id')
  async value(
    @Param('id', SeeingPipe) id: string,
    @SeeingParameter() _parameter: unknown,
    @Res({ passthrough: true }) response: NodeRequest,
  ): Promise<string> {
    see('handler')
    afterwards.push(
      new Promise((resolve) => {
        ;(response.raw ?? response).once('finish', () => {
          see('finish of the response')
          resolve()
        })
      }),
    )
    await delay(1)
    see('handler, later')
    return id
  }

  @Get('observable')
  observable(): Observable<string> {
    return defer(async () => {
      see('observable')
      await nextTurn()
      see('observable, later')
      return 'value'
    })
  }

  @Sse('events')
  events(): Observable<{ data: string }> {
    return interval(1).pipe(
      take(3),
      mergeMap(async (index) => {
        await nextTurn()
        see(`event ${index}`)
        return { data: String(index) }
      }),
    )
  }

  @Get('file')
  file(): StreamableFile {
    return new StreamableFile(
      Readable.from(
        (async function* () {
          see('stream, first read')
          yield 'a'
          await delay(1)
          see('stream, next read')
          yield 'b'
        })(),
      ),
    )
  }

  @Get('error')
  error(): never {
    see('handler')
    throw new HttpException('no', 418)
  }

  @Post('body')
  async body(@Req() request: NodeRequest): Promise<string> {
    const stream = request.raw ?? request
    let text = ''
    stream.on('data', (chunk) => {
      see('data of the body')
      text += String(chunk)
    })
    await new Promise<void>((resolve) => {
      stream.on('end', () => {
        see('end of the body')
        resolve()
      })
      handlers.emit('listening')
    })
    see('after the body')
    return text
  }

  @Post('json')
  json(@Body() body: { length: number }): number {
    see('handler')
    return body.length
  }

  @Post('upload')
  @UseInterceptors(FileInterceptor('file'))
  upload(@UploadedFile() file: { size: number }): number {
    see('handler, after multer')
    return file.size
  }
}

/** What each place saw of a request. */
export async function placesOf(act: () => Promise<unknown>): Promise<Record<string, string>> {
  seen.clear()
  await act()
  await Promise.all(afterwards.splice(0))
  return Object.fromEntries(seen)
}

/** A body that arrives in parts, so that the request is being handled before it is complete. */
export async function postSlowly({ app }: RunningApplication, path: string, tenant: string): Promise<string> {
  const request = httpRequest(`${await app.getUrl()}${path}`, {
    method: 'POST',
    headers: { 'x-tenant': tenant, 'content-type': 'application/octet-stream', 'content-length': '4' },
  })
  const listening = once(handlers, 'listening')
  request.write('ab')
  await listening
  request.end('cd')
  const [response] = (await once(request, 'response')) as [Readable]
  return (await response.toArray()).join('')
}
