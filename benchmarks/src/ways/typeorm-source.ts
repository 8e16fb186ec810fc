import { TenantDataSource } from '@tenantry/typeorm'
import type { Pool } from 'pg'
import { DataSource, EntitySchema, type Repository } from 'typeorm'
import type { Task } from '../dataset.ts'
import type { ScopedSettings } from './open-pool.ts'
import type { SessionSettings, TaskRow } from './way.ts'

export interface TaskEntity extends TaskRow {
  readonly tenantId: string
  readonly projectId: number
}

export function tasksIn(table: string): EntitySchema<TaskEntity> {
  return new EntitySchema<TaskEntity>({
    name: 'task',
    tableName: table,
    columns: {
      tenantId: { name: 'tenant_id', type: 'uuid' },
      id: { type: 'bigint', primary: true },
      projectId: { name: 'project_id', type: 'integer' },
      title: { type: 'text' },
      done: { type: 'boolean' },
    },
  })
}

function optionsFor({ dataset, connections }: SessionSettings, url: string) {
  return {
    type: 'postgres' as const,
    url,
    poolSize: connections,
    entities: [tasksIn(dataset.table)],
  }
}

/** The superuser's data source: no row-level security. */
export async function openPlainSource(settings: SessionSettings): Promise<DataSource> {
  return await new DataSource(optionsFor(settings, settings.connectionStrings.superuser)).initialize()
}

/** The application's data source, as Tenantry makes it. */
export async function openTenantSource(settings: ScopedSettings): Promise<DataSource> {
  const { tenancy, prepare, connectionStrings } = settings
  const options = optionsFor(settings, connectionStrings.app)
  return await new TenantDataSource({ ...options, tenancy, prepare }).initialize()
}

/** The benchmark's statement, as TypeORM writes it. */
export function findTasks(
  tasks: Repository<TaskEntity>,
  conditions: Partial<Pick<TaskEntity, keyof Task>>,
): Promise<TaskRow[]> {
  return tasks.find({
    select: { id: true, title: true, done: true },
    where: conditions,
    order: { id: 'ASC' },
    take: 10,
  })
}

/** The pool of a data source that is open. */
export function poolOf({ driver }: DataSource): Pool {
  return (driver as unknown as { readonly master: Pool }).master
}
