import {
  type ArgumentsHost,
  Catch,
  Controller,
  Get,
  HttpException,
  type ExceptionFilter,
} from '@nestjs/common'
import { APP_FILTER, BaseExceptionFilter } from '@nestjs/core'
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js'
import {
  InvalidTenantIdError,
  TenantMismatchError,
  TenantryError,
  type TenantryErrorCode,
} from '@tenantry/core'
import { lastValueFrom, type Observable } from 'rxjs'
import { describe, expect, test } from 'vitest'
import {
  TenancyExceptionFilter,
  TenancyModule,
  tenancyHttpException,
  tenantFromHeader,
} from '../src/index.ts'
import { adapters, answer, rootModule, startApplication } from './support/application.ts'
import { poolProvider, ProjectsController, UsersGuard } from './support/projects.ts'
import { tenancy, useTenants } from './support/tenants.ts'

const fixture = useTenants()
const resolve = tenantFromHeader('x-tenant-id', { trustedProxy: true })

/** An error of Tenantry as another copy of the package, or an ORM around it, throws it. */
function ofAnotherCopy(code: TenantryErrorCode): Error {
  const error = Object.assign(new Error('secret of another copy'), { code })
  return Object.defineProperty(error, Symbol.for('@tenantry/core/error'), { value: true })
}

const thrown = {
  mismatch: new TenantMismatchError('secret-id used in the scope of another'),
  invalid: new InvalidTenantIdError('secret-id is no id'),
  required: ofAnotherCopy('TENANT_REQUIRED'),
  other: new TenantryError({ code: 'SYSTEM_POOL_REQUIRED', message: 'secret: no pool' }),
  drizzle: new Error('Failed query: select secret', { cause: ofAnotherCopy('TENANT_REQUIRED') }),
  typeorm: Object.assign(new Error('secret'), { driverError: new TenantMismatchError('secret') }),
  mine: new HttpException('mine', 418, { cause: new TenantMismatchError('secret') }),
  unknown: new Error('secret'),
}

@Controller('errors')
class ErrorsController {
  @Get('mismatch')
  mismatch(): never {
    throw thrown.mismatch
  }

  @Get('invalid')
  async invalid(): Promise<never> {
    throw thrown.invalid
  }

  @Get('required')
  required(): never {
    throw thrown.required
  }

  @Get('other')
  other(): never {
    throw thrown.other
  }

  @Get('drizzle')
  drizzle(): never {
    throw thrown.drizzle
  }

  @Get('typeorm')
  typeorm(): never {
    throw thrown.typeorm
  }

  @Get('mine')
  mine(): never {
    throw thrown.mine
  }

  @Get('unknown')
  unknown(): never {
    throw thrown.unknown
  }
}

describe.each(adapters)('on %s', (adapter) => {
  const start = (...providers: NonNullable<Parameters<typeof rootModule>[0]['providers']>) =>
    startApplication(
      rootModule({
        imports: [TenancyModule.forRoot({ tenancy, resolve })],
        controllers: [ProjectsController, ErrorsController],
        providers: [poolProvider(() => fixture.pool), UsersGuard, ...providers],
      }),
      adapter,
    )
  const asAcme = () => ({ headers: { 'x-tenant-id': fixture.acme.id } })

  test('without the module, every error of Tenantry is a 500', async () => {
    const { request } = await startApplication(rootModule({ controllers: [ErrorsController] }), adapter)
    expect((await request('/errors/mismatch')).status).toBe(500)
    expect((await request('/errors/required')).status).toBe(500)
  })

  test.each([
    ['mismatch', 403, { statusCode: 403, message: 'Forbidden', code: 'TENANT_MISMATCH' }],
    ['invalid', 400, { statusCode: 400, message: 'Bad Request', code: 'INVALID_TENANT_ID' }],
    ['required', 401, { statusCode: 401, message: 'Unauthorized', code: 'TENANT_REQUIRED' }],
    ['drizzle', 401, { statusCode: 401, message: 'Unauthorized', code: 'TENANT_REQUIRED' }],
    ['typeorm', 403, { statusCode: 403, message: 'Forbidden', code: 'TENANT_MISMATCH' }],
    ['other', 500, { statusCode: 500, message: 'Internal server error' }],
    ['unknown', 500, { statusCode: 500, message: 'Internal server error' }],
    ['mine', 418, { statusCode: 418, message: 'mine' }],
  ])('%s is answered with %i, and nothing is told', async (path, status, body) => {
    const { request } = await start()
    const response = await request(`/errors/${path}`, asAcme())
    expect(response.headers.get('content-type')).toContain('application/json')
    expect(response.status).toBe(status)
    expect(await response.json()).toEqual(body)
  })

  test('a statement without a tenant is 401, and an error of PostgreSQL stays a 500', async () => {
    const { request } = await start()
    expect((await answer(request('/broken', asAcme()))).status).toBe(401)
    expect(await answer(request('/sql-error', asAcme()))).toEqual({
      status: 500,
      body: { statusCode: 500, message: 'Internal server error' },
    })
    expect(await answer(request('/conflict', asAcme()))).toEqual({
      status: 409,
      body: { statusCode: 409, message: 'mine' },
    })
  })

  test("an application's filter for its own exceptions keeps them", async () => {
    @Catch(HttpException)
    class OwnFilter implements ExceptionFilter {
      catch(exception: HttpException, host: ArgumentsHost): void {
        const response = host
          .switchToHttp()
          .getResponse<{ status(code: number): { send(body: unknown): void } }>()
        response.status(exception.getStatus()).send({ own: exception.getStatus() })
      }
    }
    const { request } = await start({ provide: APP_FILTER, useClass: OwnFilter })
    expect(await answer(request('/conflict', asAcme()))).toEqual({ status: 409, body: { own: 409 } })
    // The module refuses as Nest does.
    expect(await answer(request('/projects'))).toEqual({ status: 401, body: { own: 401 } })
    expect((await request('/errors/mismatch', asAcme())).status).toBe(403)
  })

  test('a filter for everything sees everything, and has the answer at hand', async () => {
    @Catch()
    class EveryFilter extends BaseExceptionFilter {
      override catch(error: unknown, host: ArgumentsHost): void {
        // oxlint-disable-next-line promise/valid-params, promise/no-promise-in-callback
        super.catch(tenancyHttpException(error) ?? error, host)
      }
    }
    const application = await startApplication(
      rootModule({
        imports: [TenancyModule.forRoot({ tenancy, resolve })],
        controllers: [ErrorsController],
      }),
      adapter,
      (app) => void app.useGlobalFilters(new EveryFilter(app.getHttpAdapter())),
    )
    expect((await application.request('/errors/mismatch', asAcme())).status).toBe(403)
    expect((await application.request('/errors/drizzle', asAcme())).status).toBe(401)
    expect((await application.request('/errors/unknown', asAcme())).status).toBe(500)
  })
})

test.each([
  [thrown.mismatch, 'Forbidden'],
  [thrown.drizzle, 'Unauthorized'],
  [thrown.other, 'Internal server error'],
])('messages are refused in the form of their transport, and nothing is told', async (fault, message) => {
  const filter = new TenancyExceptionFilter()
  const sent: unknown[] = []
  const hostOf = (kind: string, client?: object) => {
    const host = new ExecutionContextHost([client, {}])
    host.setType(kind)
    return host
  }
  const refusal = { status: 'error', message }
  const observable = filter.catch(fault, hostOf('rpc')) as Observable<never>
  await expect(lastValueFrom(observable)).rejects.toEqual(refusal)
  filter.catch(fault, hostOf('ws', { readyState: 1, send: (frame: string) => sent.push(JSON.parse(frame)) }))
  filter.catch(fault, hostOf('ws', { emit: (event: string, data: unknown) => sent.push({ event, data }) }))
  expect(sent).toEqual([
    { event: 'exception', data: refusal },
    { event: 'exception', data: refusal },
  ])
  const graphql = filter.catch(fault, hostOf('graphql')) as HttpException
  expect(JSON.stringify(graphql.getResponse())).not.toContain('secret')
})

test('tenancyHttpException keeps the error as its cause, and leaves others alone', () => {
  expect(tenancyHttpException(thrown.drizzle)?.cause).toBe(thrown.drizzle)
  expect(tenancyHttpException(thrown.mine)).toBeUndefined()
  expect(tenancyHttpException(thrown.unknown)).toBeUndefined()
  for (const nothing of [undefined, null, 'TENANT_REQUIRED', 42]) {
    expect(tenancyHttpException(nothing)).toBeUndefined()
  }
  const ring = new Error('ring') as Error & { cause: unknown }
  ring.cause = ring
  expect(tenancyHttpException(ring)).toBeUndefined()
})
