import { Injectable, NotFoundException } from '@nestjs/common'
import { InjectRepository } from '@nestjs/typeorm'
import type { Repository } from 'typeorm'
import type { Page } from '../page.ts'
import type { NewProject, ProjectData } from './project-data.ts'
import { Project } from './project.entity.ts'

/** As one would write it for a single company: no statement names a tenant. */
@Injectable()
export class Projects {
  readonly #projects: Repository<Project>

  constructor(@InjectRepository(Project) projects: Repository<Project>) {
    this.#projects = projects
  }

  async list({ skip, take }: Page): Promise<ProjectData[]> {
    const projects = await this.#projects.find({ order: { name: 'ASC' }, skip, take })
    return projects.map(toData)
  }

  async find(id: string): Promise<ProjectData> {
    const project = await this.#projects.findOneBy({ id })
    if (project === null) throw noSuchProject()
    return toData(project)
  }

  async create({ name }: NewProject): Promise<ProjectData> {
    return toData(await this.#projects.save({ name }))
  }

  async rename(id: string, { name }: NewProject): Promise<ProjectData> {
    await this.#projects.update({ id }, { name })
    return this.find(id)
  }

  async remove(id: string): Promise<void> {
    const { affected } = await this.#projects.delete({ id })
    if (affected === 0) throw noSuchProject()
  }
}

function toData({ id, name }: Project): ProjectData {
  return { id, name }
}

function noSuchProject(): NotFoundException {
  return new NotFoundException('There is no such project.')
}
