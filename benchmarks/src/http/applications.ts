import { Scope, type Provider } from '@nestjs/common'
import { REQUEST } from '@nestjs/core'
import { getRepositoryToken } from '@nestjs/typeorm'
import { createTenancy } from '@tenantry/core'
import { TenancyModule, tenantFromHeader } from '@tenantry/nestjs'
import { openPlainSource, openTenantSource, tasksIn } from '../ways/typeorm-source.ts'
import type { SessionSettings } from '../ways/way.ts'
import type { Application, ApplicationSession } from './application.ts'
import { startApplication } from './start-application.ts'
import { HandWrittenController, TasksController } from './task-controllers.ts'
import { tenantHeader } from './task-request.ts'
import { RequestTasksService, RequestTenant, TasksService } from './tasks-service.ts'

/** At 1 ms, at most 5% fewer requests than without tenancy. */
const reach = { '1 ms': 0.95 }

/** The same application with and without Tenantry, the one without it first. */
export const applications: readonly Application[] = [
  {
    title: 'Nest and TypeORM, hand-written WHERE',
    open: (settings) =>
      startApplication(settings, {
        openSource: () => openPlainSource(settings),
        controller: HandWrittenController,
        providers: [tasksService(settings)],
      }),
  },
  {
    title: 'TenancyModule and TenantDataSource',
    reach,
    open: (settings) => startWithTenantry(settings, false),
  },
  {
    title: 'the same, prepare: true',
    reach,
    open: (settings) => startWithTenantry(settings, true),
  },
  {
    title: 'hand-written WHERE, request-scoped providers',
    open: (settings) =>
      startApplication(settings, {
        openSource: () => openPlainSource(settings),
        controller: TasksController,
        providers: requestScopedProviders(settings),
      }),
  },
]

function startWithTenantry(settings: SessionSettings, prepare: boolean): Promise<ApplicationSession> {
  const tenancy = createTenancy({ tenantId: 'uuid' })
  return startApplication(settings, {
    modules: [
      TenancyModule.forRoot({ tenancy, resolve: tenantFromHeader(tenantHeader, { trustedProxy: true }) }),
    ],
    openSource: () => openTenantSource({ ...settings, tenancy, prepare }),
    controller: TasksController,
    providers: [tasksService(settings)],
  })
}

function tasksService({ dataset }: SessionSettings): Provider {
  return {
    provide: TasksService,
    inject: [getRepositoryToken(tasksIn(dataset.table))],
    useFactory: (...given: ConstructorParameters<typeof TasksService>) => new TasksService(...given),
  }
}

function requestScopedProviders({ dataset }: SessionSettings): Provider[] {
  return [
    {
      provide: RequestTenant,
      scope: Scope.REQUEST,
      inject: [REQUEST],
      useFactory: (request: { readonly headers: Readonly<Record<string, string>> }) =>
        new RequestTenant(request.headers[tenantHeader]!),
    },
    {
      provide: TasksService,
      inject: [getRepositoryToken(tasksIn(dataset.table)), RequestTenant],
      useFactory: (...given: ConstructorParameters<typeof RequestTasksService>) =>
        new RequestTasksService(...given),
    },
  ]
}
