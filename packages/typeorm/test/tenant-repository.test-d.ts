import type { DataSource, EntityManager, FindManyOptions, Repository } from 'typeorm'
import { describe, expectTypeOf, test } from 'vitest'
import { TenantColumn, TenantRepository, type TenantDataSource } from '../src/index.ts'

class Project {
  @TenantColumn() tenantId!: string
  id!: string
  name!: string
}

class ProjectRepository extends TenantRepository<Project> {
  findActive(): Promise<Project[]> {
    return this.findBy({ name: 'active' })
  }
}

declare const dataSource: TenantDataSource
declare const manager: EntityManager
declare const plain: Repository<Project>
declare const projects: TenantRepository<Project>

describe('TenantRepository', () => {
  test('has the methods of Repository, with their types', () => {
    type Methods = {
      [Name in keyof Repository<Project>]-?: TenantRepository<Project>[Name] extends Repository<Project>[Name]
        ? Repository<Project>[Name] extends TenantRepository<Project>[Name]
          ? true
          : Name
        : Name
    }
    expectTypeOf<Methods[keyof Methods]>().toEqualTypeOf<true>()
    expectTypeOf<keyof TenantRepository<Project>>().toEqualTypeOf<keyof Repository<Project>>()
    expectTypeOf(projects).toExtend<Repository<Project>>()
  })

  test('takes and returns what Repository does', () => {
    expectTypeOf(projects.create()).toEqualTypeOf<Project>()
    expectTypeOf(projects.create({ name: 'a' })).toEqualTypeOf(plain.create({ name: 'a' }))
    expectTypeOf(projects.create([{ name: 'a' }])).toEqualTypeOf<Project[]>()
    expectTypeOf(projects.save({ name: 'a' })).toEqualTypeOf(plain.save({ name: 'a' }))
    expectTypeOf(projects.save([{ name: 'a' }])).toEqualTypeOf(plain.save([{ name: 'a' }]))
    expectTypeOf(projects.save({ name: 'a' }, { reload: false })).resolves.toEqualTypeOf<{ name: string }>()
    expectTypeOf(projects.preload({ name: 'a' })).resolves.toEqualTypeOf<Project | undefined>()
    expectTypeOf(projects.find).parameter(0).toEqualTypeOf<FindManyOptions<Project> | undefined>()
    expectTypeOf(projects.findOneByOrFail({ id: '' })).resolves.toEqualTypeOf<Project>()
    expectTypeOf(projects.upsert).parameters.toEqualTypeOf<Parameters<typeof plain.upsert>>()
    // @ts-expect-error no property of the entity
    void projects.save({ title: 'a' })
    // @ts-expect-error no property of the entity
    void projects.findBy({ title: 'a' })
    // @ts-expect-error no value of the property
    projects.create({ tenantId: 1 })
  })

  test('is made of a data source or a manager, in its own class', () => {
    expectTypeOf(TenantRepository.of(dataSource, Project)).toEqualTypeOf<TenantRepository<Project>>()
    expectTypeOf(TenantRepository.of(dataSource as DataSource, Project)).toEqualTypeOf<
      TenantRepository<Project>
    >()
    expectTypeOf(TenantRepository.of(manager, Project)).toEqualTypeOf<TenantRepository<Project>>()
    expectTypeOf(ProjectRepository.of(dataSource, Project)).toEqualTypeOf<ProjectRepository>()
    expectTypeOf(ProjectRepository.of(dataSource, Project).findActive()).resolves.toEqualTypeOf<Project[]>()
    expectTypeOf(manager.withRepository(projects)).toEqualTypeOf<TenantRepository<Project>>()
    const extended = projects.extend({ count: () => 1 })
    expectTypeOf(extended).toExtend<TenantRepository<Project>>()
    // @ts-expect-error neither a data source nor a manager
    TenantRepository.of({}, Project)
  })

  test('fits where a Repository is asked for', () => {
    const count = (repository: Repository<Project>): Promise<number> => repository.count()
    expectTypeOf(count).toBeCallableWith(projects)
  })
})
