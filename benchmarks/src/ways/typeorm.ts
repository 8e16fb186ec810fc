import type { DataSource } from 'typeorm'
import type { Task } from '../dataset.ts'
import { endPool } from './end-pool.ts'
import { libraryOnNodePostgres } from './library.ts'
import { findTasks, openPlainSource, openTenantSource, poolOf, type TaskEntity } from './typeorm-source.ts'
import type { Session } from './way.ts'

export const typeorm = libraryOnNodePostgres('typeorm', 'TypeORM', {
  async openPlain(settings) {
    const source = await openPlainSource(settings)
    return openSession(source, ({ tenantId, projectId }) => ({ tenantId, projectId }))
  },
  async openScoped(settings) {
    const source = await openTenantSource(settings)
    return openSession(source, ({ projectId }) => ({ projectId }))
  },
})

function openSession(source: DataSource, conditions: (task: Task) => Partial<Task>): Session {
  const tasks = source.getRepository<TaskEntity>('task')
  return {
    query: (task) => findTasks(tasks, conditions(task)),
    close: () => endPool(poolOf(source), () => source.destroy()),
  }
}
