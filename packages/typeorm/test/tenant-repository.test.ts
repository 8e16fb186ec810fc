import { randomUUID } from 'node:crypto'
import type { DataSource, EntityManager } from 'typeorm'
import { describe, expect, test } from 'vitest'
import { TenantRepository } from '../src/index.ts'
import { Document, Folder, Plan, Project, Task } from './documents.ts'
import { tenancy, useDocuments } from './documents-database.ts'

const fixture = useDocuments()

const mismatch = { code: 'TENANT_MISMATCH' }
const required = { code: 'TENANT_REQUIRED' }

class ProjectRepository extends TenantRepository<Project> {
  findActive(): Promise<Project[]> {
    return this.findBy({ status: 'active' })
  }

  override async remove(...values: never[]): Promise<never> {
    return (await super.remove(...(values as unknown as [Project]))) as never
  }
}

const projectsOf = (source?: DataSource | EntityManager): TenantRepository<Project> =>
  TenantRepository.of(source ?? fixture.guarded, Project)

describe('a composite key', () => {
  test('attack: save() without the tenant inserts what is there already', async () => {
    const { acme, plain } = fixture
    const [id] = acme.projectIds
    const saving = tenancy.run(acme.id, () => plain.getRepository(Project).save({ id, name: 'renamed' }))
    await expect(saving).rejects.toMatchObject({ code: '23505' })
  })

  test('is completed, so that save(), preload() and remove() find the row', async () => {
    const { acme, database } = fixture
    const [id] = acme.projectIds
    await tenancy.run(acme.id, async () => {
      await projectsOf().save({ id, name: 'renamed' })
      const project = await projectsOf().preload({ id, name: 'again' })
      expect(project).toMatchObject({ id, tenantId: acme.id, status: 'active', name: 'again' })
      const made = await projectsOf().save({ name: 'short-lived' })
      await projectsOf().remove(projectsOf().create({ id: made.id }))
      expect(await projectsOf().countBy({ name: 'short-lived' })).toBe(0)
    })
    expect(await database.query('select name from projects where id = $1', [id])).toEqual([
      { name: 'renamed' },
    ])
  })

  test('is completed in what is saved along with it', async () => {
    const { acme } = fixture
    const [, id] = acme.projectIds
    const [, , taskId] = acme.taskIds
    await tenancy.run(acme.id, async () => {
      await projectsOf().save({ id, tasks: [{ id: taskId, title: 'renamed' }, { title: 'new' }] })
      const tasks = await fixture.guarded
        .getRepository(Task)
        .find({ where: { project: { id } }, order: { title: 'desc' } })
      expect(tasks.map(({ title }) => title)).toEqual(['renamed', 'new'])
      const task = await TenantRepository.of(fixture.guarded, Task).save({
        title: 'attached',
        project: { id },
      })
      expect(task.project).toEqual({ id, tenantId: acme.id })
    })
  })
})

describe('entities carry their tenant', () => {
  test('before they are saved', async () => {
    const { acme } = fixture
    await tenancy.run(acme.id, async () => {
      const created = projectsOf().create({ name: 'one', tasks: [{ title: 'task' }] })
      expect(created).toBeInstanceOf(Project)
      expect(created).toMatchObject({ tenantId: acme.id, name: 'one', tasks: [{ tenantId: acme.id }] })
      expect(projectsOf().create()).toMatchObject({ tenantId: acme.id })
      const both = projectsOf().create([{ name: 'a' }, { name: 'b' }])
      expect(both.map(({ tenantId }) => tenantId)).toEqual([acme.id, acme.id])
      await projectsOf().save([created, ...both.map((project) => Object.assign(project, { name: 'c' }))])
      expect(await projectsOf().countBy({ name: 'c' })).toBe(2)
    })
  })

  test('and what is inserted or upserted', async () => {
    const { acme } = fixture
    const values = { id: randomUUID(), name: 'inserted' }
    await tenancy.run(acme.id, async () => {
      await projectsOf().insert(values)
      expect(values).toMatchObject({ tenantId: acme.id })
      await projectsOf().upsert({ id: values.id, name: 'upserted' }, ['tenantId', 'id'])
      expect(await projectsOf().findOneBy({ id: values.id })).toMatchObject({ name: 'upserted' })
    })
  })

  test('which nobody may say who has none', async () => {
    expect(() => projectsOf().create({ name: 'whose' })).toThrow(expect.objectContaining(required) as Error)
    await expect(projectsOf().save({ name: 'whose' })).rejects.toMatchObject(required)
    await expect(tenancy.withoutTenant(() => projectsOf().insert({ name: 'whose' }))).rejects.toMatchObject(
      required,
    )
  })
})

describe('another tenant’s entity is refused before anything is sent', () => {
  const attempts: Readonly<Record<string, (tenantId: string, id: string) => unknown>> = {
    create: (tenantId) => projectsOf().create({ tenantId, name: 'x' }),
    merge: (tenantId) => projectsOf().merge(new Project(), { tenantId }),
    preload: (tenantId, id) => projectsOf().preload({ tenantId, id }),
    save: (tenantId) => projectsOf().save({ tenantId, name: 'x' }),
    'save without listeners': (tenantId) => projectsOf().save({ tenantId, name: 'x' }, { listeners: false }),
    'save of many': (tenantId) => projectsOf().save([{ name: 'x' }, { tenantId, name: 'x' }]),
    'save of what it holds': (tenantId) =>
      projectsOf().save({ name: 'x', tasks: [{ tenantId, title: 'x' }] }),
    insert: (tenantId) => projectsOf().insert({ tenantId, name: 'x' }),
    upsert: (tenantId, id) => projectsOf().upsert({ tenantId, id, name: 'x' }, ['tenantId', 'id']),
    update: (tenantId, id) => projectsOf().update({ id }, { tenantId, name: 'x' }),
    remove: (tenantId, id) => projectsOf().remove(Object.assign(new Project(), { tenantId, id })),
    softRemove: (tenantId, id) => TenantRepository.of(fixture.guarded, Document).softRemove({ tenantId, id }),
    recover: (tenantId, id) => TenantRepository.of(fixture.guarded, Document).recover({ tenantId, id }),
  }

  test.for(Object.entries(attempts))('by %s', async ([, attempt]) => {
    const { acme, globex } = fixture
    const { pool } = fixture.guarded
    let checkouts = 0
    const count = (): void => void (checkouts += 1)
    pool.on('acquire', count)
    await expect(
      tenancy.run(acme.id, async () => attempt(globex.id, globex.projectIds[0])),
    ).rejects.toMatchObject(mismatch)
    pool.off('acquire', count)
    expect(checkouts).toBe(0)
  })

  test('and reads find nothing of it', async () => {
    const { acme, globex } = fixture
    await tenancy.run(acme.id, async () => {
      expect(await projectsOf().findBy({ tenantId: globex.id })).toEqual([])
      expect(await projectsOf().findOneBy({ id: globex.projectIds[0] })).toBeNull()
      expect(await projectsOf().delete({ id: globex.projectIds[0] })).toMatchObject({ affected: 0 })
    })
  })
})

describe('the repository', () => {
  test('works in transactions, through withRepository() and of their manager', async () => {
    const { acme, guarded } = fixture
    const projects = projectsOf()
    await tenancy.run(acme.id, async () => {
      const work = guarded.transaction(async (manager) => {
        const inside = manager.withRepository(projects)
        const project = await inside.save(inside.create({ name: 'rolled back' }))
        const counts = [
          await projectsOf(manager).countBy({ name: 'rolled back' }),
          await projects.countBy({ name: 'rolled back' }),
        ]
        throw new Error(JSON.stringify([inside instanceof TenantRepository, project.tenantId, ...counts]))
      })
      await expect(work).rejects.toThrow(JSON.stringify([true, acme.id, 1, 0]))
      expect(await projects.countBy({ name: 'rolled back' })).toBe(0)
    })
  })

  test('is extended by a class, and by extend()', async () => {
    const { acme, guarded } = fixture
    const own = ProjectRepository.of(guarded, Project)
    const extended = projectsOf().extend({
      findNamed(name: string) {
        return this.findBy({ name })
      },
    })
    await tenancy.run(acme.id, async () => {
      await own.save({ name: 'own' })
      expect(await own.findActive()).not.toEqual([])
      const [project] = await extended.findNamed('own')
      expect(extended.create({ name: 'filled' }).tenantId).toBe(acme.id)
      await guarded.transaction((manager) => manager.withRepository(own).remove(project as never))
      expect(await extended.findNamed('own')).toEqual([])
    })
  })

  test('leaves the tenant to the system', async () => {
    const { globex } = fixture
    await tenancy.asSystem('a test', async () => {
      const project = projectsOf().create({ name: 'by the system' })
      expect(project.tenantId).toBeUndefined()
      await expect(projectsOf().save(project)).rejects.toMatchObject(required)
      const { id } = await projectsOf().save({ name: 'by the system', tenantId: globex.id })
      await projectsOf().update({ id }, { name: 'changed' })
      await expect(projectsOf().update({ id }, { tenantId: globex.id })).rejects.toMatchObject(mismatch)
      expect(await projectsOf().delete({ id })).toMatchObject({ affected: 1 })
    })
  })

  test('is for entities with a tenant, of a data source with a tenancy', async () => {
    const { acme, guarded, plain } = fixture
    await tenancy.run(acme.id, async () => {
      const invalid = expect.objectContaining({ code: 'INVALID_CONFIG' }) as Error
      expect(() => TenantRepository.of(guarded, Plan).create()).toThrow(invalid)
      expect(() => projectsOf(plain).create()).toThrow(invalid)
      expect(await TenantRepository.of(guarded, Folder).count()).toBeGreaterThan(0)
    })
  })
})
