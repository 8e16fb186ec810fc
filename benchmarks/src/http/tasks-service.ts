import type { Repository } from 'typeorm'
import type { Task } from '../dataset.ts'
import { findTasks, type TaskEntity } from '../ways/typeorm-source.ts'
import type { TaskRow } from '../ways/way.ts'

/** Finds tasks by what it is given: by the tenant too, where it is written by hand. */
export class TasksService {
  readonly #tasks: Repository<TaskEntity>

  constructor(tasks: Repository<TaskEntity>) {
    this.#tasks = tasks
  }

  find(task: Partial<Task>): Promise<TaskRow[]> {
    return findTasks(this.#tasks, task)
  }
}

/** The tenant of one request, made anew for each: what is widely done to have it where it was not handed on. */
export class RequestTenant {
  readonly tenantId: string

  constructor(tenantId: string) {
    this.tenantId = tenantId
  }
}

/** Finds the tasks of one request's tenant, and so is made anew for each request too. */
export class RequestTasksService extends TasksService {
  readonly #tenant: RequestTenant

  constructor(tasks: Repository<TaskEntity>, tenant: RequestTenant) {
    super(tasks)
    this.#tenant = tenant
  }

  override find(task: Partial<Task>): Promise<TaskRow[]> {
    return super.find({ ...task, tenantId: this.#tenant.tenantId })
  }
}
