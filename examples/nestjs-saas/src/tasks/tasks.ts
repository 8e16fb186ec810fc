import { Inject, Injectable, NotFoundException } from '@nestjs/common'
import { InjectRepository } from '@nestjs/typeorm'
import type { Repository } from 'typeorm'
import { Projects } from '../projects/projects.ts'
import type { NewTask, TaskChanges, TaskData, TaskQuery } from './task-data.ts'
import { Task } from './task.entity.ts'

/** As one would write it for a single company: no statement names a tenant. */
@Injectable()
export class Tasks {
  readonly #tasks: Repository<Task>
  readonly #projects: Projects

  constructor(@InjectRepository(Task) tasks: Repository<Task>, @Inject(Projects) projects: Projects) {
    this.#tasks = tasks
    this.#projects = projects
  }

  async listOfProject(projectId: string, { status, skip, take }: TaskQuery): Promise<TaskData[]> {
    const tasks = await this.#tasks.find({
      where: { projectId, ...(status !== undefined && { status }) },
      order: { title: 'ASC', id: 'ASC' },
      skip,
      take,
    })
    // Of a project that is there, or the client is told that it is not.
    if (tasks.length === 0) await this.#projects.find(projectId)
    return tasks.map(toData)
  }

  /** A project that is not there, or another tenant's, is refused by the foreign key: see DatabaseErrorFilter. */
  async create(projectId: string, { title, assigneeId = null }: NewTask): Promise<TaskData> {
    return toData(await this.#tasks.save({ projectId, title, assigneeId }))
  }

  async find(id: string): Promise<TaskData> {
    const task = await this.#tasks.findOneBy({ id })
    if (task === null) throw noSuchTask()
    return toData(task)
  }

  async change(id: string, changes: TaskChanges): Promise<TaskData> {
    if (Object.keys(changes).length > 0) await this.#tasks.update({ id }, changes)
    return this.find(id)
  }

  async remove(id: string): Promise<void> {
    const { affected } = await this.#tasks.delete({ id })
    if (affected === 0) throw noSuchTask()
  }
}

function toData({ id, projectId, title, status, assigneeId }: Task): TaskData {
  return { id, projectId, title, status, assigneeId }
}

function noSuchTask(): NotFoundException {
  return new NotFoundException('There is no such task.')
}
