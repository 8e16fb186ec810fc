import type { DynamicModule, Provider, Type } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { TypeOrmModule } from '@nestjs/typeorm'
import { DataSource } from 'typeorm'
import { endPool } from '../ways/end-pool.ts'
import { poolOf, tasksIn } from '../ways/typeorm-source.ts'
import type { SessionSettings, TaskRow } from '../ways/way.ts'
import type { ApplicationSession } from './application.ts'
import { requestFor } from './task-request.ts'

/** What applications differ in. */
export interface ApplicationParts {
  readonly modules?: readonly DynamicModule[]
  readonly openSource: () => Promise<DataSource>
  readonly controller: Type<object>
  readonly providers: readonly Provider[]
}

/** Starts an application on Express, on a free port. */
export async function startApplication(
  { dataset }: SessionSettings,
  { modules = [], openSource, controller, providers }: ApplicationParts,
): Promise<ApplicationSession> {
  class RootModule {
    readonly name = 'root'
  }
  let instances = 0
  const application = await NestFactory.create(
    {
      module: RootModule,
      imports: [
        ...modules,
        TypeOrmModule.forRootAsync({
          useFactory: () => ({ type: 'postgres' }),
          dataSourceFactory: openSource,
        }),
        TypeOrmModule.forFeature([tasksIn(dataset.table)]),
      ],
      controllers: [controller],
      providers: [...providers],
    },
    {
      logger: false,
      abortOnError: false,
      instrument: {
        instanceDecorator(instance: unknown) {
          instances += 1
          return instance
        },
      },
    },
  )
  await application.listen(0, '127.0.0.1')
  const url = await application.getUrl()
  return {
    url,
    instances: () => instances,
    async query(task) {
      const { path, headers } = requestFor(task)
      const response = await fetch(url + path, { headers })
      if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`)
      return (await response.json()) as TaskRow[]
    },
    async close() {
      const pool = poolOf(application.get(DataSource))
      await endPool(pool, () => application.close())
    },
  }
}
