// Nest's decorators are applied by call: Node runs these files by leaving the types out, and knows no decorators.
import { Controller, Get, Headers, Inject, Param, ParseIntPipe, type Type } from '@nestjs/common'
import type { TaskRow } from '../ways/way.ts'
import { tenantHeader } from './task-request.ts'
import { TasksService } from './tasks-service.ts'

/** Takes the tenant from the request and hands it on. */
export class HandWrittenController {
  readonly #tasks: TasksService

  constructor(tasks: TasksService) {
    this.#tasks = tasks
  }

  find(projectId: number, tenantId: string): Promise<TaskRow[]> {
    return this.#tasks.find({ tenantId, projectId })
  }
}

/** Knows of no tenant. */
export class TasksController {
  readonly #tasks: TasksService

  constructor(tasks: TasksService) {
    this.#tasks = tasks
  }

  find(projectId: number): Promise<TaskRow[]> {
    return this.#tasks.find({ projectId })
  }
}

for (const controller of [HandWrittenController, TasksController]) decorate(controller)
Headers(tenantHeader)(HandWrittenController.prototype, 'find', 1)

function decorate(controller: Type<HandWrittenController | TasksController>): void {
  const prototype = controller.prototype as object
  const find = Object.getOwnPropertyDescriptor(prototype, 'find')!
  Controller('projects')(controller)
  Inject(TasksService)(controller, undefined, 0)
  Get(':projectId/tasks')(prototype, 'find', find)
  Param('projectId', ParseIntPipe)(prototype, 'find', 0)
}
