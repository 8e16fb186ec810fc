import { DataSource, EventSubscriber, MoreThan } from 'typeorm'
import { describe, expect, test } from 'vitest'
import { entities, Folder, Project, ProjectSize, Tag, Task } from './entities.ts'
import { ownedBy, restoring, untouched } from './restoring.ts'
import { ACME, codeOf, GLOBEX, openDataSource, stepsLeft, tenancy, useTwoTenants } from './test-database.ts'

const fixture = useTwoTenants()

const acme = <Result>(work: () => Result) => tenancy.run(ACME, work)
const globex = <Result>(work: () => Result) => tenancy.run(GLOBEX, work)
const both = <Result>(work: (name: string) => Promise<Result>) =>
  Promise.all([acme(() => work('acme')), globex(() => work('globex'))])

const repository = <Entity extends object>(target: new () => Entity) =>
  fixture.dataSource.getRepository(target)

const rows = (text: string, values?: unknown[]) => fixture.database.query(text, values)

const undone = (work: () => Promise<void>) => restoring(fixture.database, work)

const owned = (tenant: string) => ownedBy(fixture.database, tenant)

describe('repositories and query builders', () => {
  test('find, count and aggregate the rows of their tenant', async () => {
    const found = await both(async () => ({
      names: (await repository(Project).find({ order: { name: 'ASC' } })).map(({ name }) => name),
      counted: await repository(Task)
        .findAndCount({ take: 2 })
        .then(([, count]) => count),
      sum: await repository(Task).sum('points'),
      grouped: await repository(Task)
        .createQueryBuilder('t')
        .select('p.name', 'name')
        .addSelect('count(*)::int', 'tasks')
        .innerJoin('t.project', 'p')
        .groupBy('p.name')
        .orderBy('p.name')
        .getRawMany<unknown>(),
    }))
    for (const [index, name] of ['acme', 'globex'].entries()) {
      expect(found[index]).toEqual({
        names: [`${name} app`, `${name} website`],
        counted: 6,
        sum: 12,
        grouped: [
          { name: `${name} app`, tasks: 3 },
          { name: `${name} website`, tasks: 3 },
        ],
      })
    }
  })

  test('do not find another tenant’s row by its id', async () => {
    const [project] = await acme(() => repository(Project).find())
    expect(await globex(() => repository(Project).findOneBy({ id: project!.id }))).toBeNull()
    expect(await globex(() => repository(Project).existsBy({ id: project!.id }))).toBe(false)
  })

  test('change and delete no row but their tenant’s, with no condition at all', async () => {
    await undone(async () => {
      await acme(async () => {
        await repository(Task).createQueryBuilder().update().set({ title: 'changed' }).execute()
        await repository(Task).increment({ points: MoreThan(0) }, 'points', 10)
        await repository(Project).createQueryBuilder().delete().execute()
      })
      expect(await owned(ACME)).toEqual({ ...untouched, projects: 0, tasks: 0, project_tags: 0 })
      expect(await owned(GLOBEX)).toEqual(untouched)
      expect(await rows(`select from tasks where title = 'changed' or points > 3`)).toEqual([])
    })
  })

  test('read rows locked, in a transaction', async () => {
    const found = await acme(() =>
      fixture.dataSource.transaction((manager) =>
        manager.find(Project, { lock: { mode: 'pessimistic_write' } }),
      ),
    )
    expect(found.map(({ tenantId }) => tenantId)).toEqual([ACME, ACME])
  })
})

describe('save() and remove()', () => {
  test('write whole trees of entities for the tenant, and the entities know it', async () => {
    await undone(async () => {
      const saved = await both((name) =>
        repository(Project).save({
          name: `${name} launch`,
          tasks: [{ title: 'one' }, { title: 'two' }],
          // A label that both have: unique in each tenant.
          tags: [{ label: 'urgent' }],
        }),
      )
      for (const [index, tenant] of [ACME, GLOBEX].entries()) {
        const project = saved[index] as Project
        expect([project, ...project.tasks, ...project.tags].map(({ tenantId }) => tenantId)).toEqual(
          Array(4).fill(tenant),
        )
        expect(await owned(tenant)).toEqual({
          ...untouched,
          projects: 3,
          tasks: 8,
          tags: 2,
          project_tags: 3,
        })
      }
    })
  })

  test('change, replace and remove related rows', async () => {
    await undone(async () => {
      await acme(async () => {
        const project = await repository(Project).findOneOrFail({
          where: { name: 'acme app' },
          relations: { tasks: true, tags: true },
        })
        project.status = 'done'
        project.tags = [repository(Tag).create({ label: 'another' })]
        project.tasks.push(repository(Task).create({ title: 'fourth' }))
        const saved = await repository(Project).save(project)
        expect(saved.version).toBe(2)
        await repository(Task).remove(saved.tasks.filter(({ title }) => title !== 'fourth'))
      })
      expect(await owned(ACME)).toEqual({ ...untouched, tasks: 4, tags: 2 })
      expect(await owned(GLOBEX)).toEqual(untouched)
    })
  })

  test('soft-remove, restore, and find what was removed', async () => {
    await undone(async () => {
      const [project] = await acme(() => repository(Project).find())
      await acme(() => repository(Project).softDelete(project!.id))
      expect(await globex(() => repository(Project).restore(project!.id))).toMatchObject({ affected: 0 })
      await acme(async () => {
        expect(await repository(Project).count()).toBe(1)
        expect(await repository(Project).count({ withDeleted: true })).toBe(2)
        await repository(Project).restore(project!.id)
        expect(await repository(Project).count()).toBe(2)
      })
      expect(await globex(() => repository(Project).count({ withDeleted: true }))).toBe(2)
    })
  })

  // Trap 17.
  test('upsert() needs the right to update the table, for it sets the tenant’s column too', async () => {
    await undone(async () => {
      const upsert = (name: string, tenantId: string) =>
        repository(Tag).upsert({ label: `${name} tag`, tenantId }, ['tenantId', 'label'])
      await acme(() => upsert('acme', ACME))
      expect(await owned(ACME)).toEqual(untouched)
      await acme(() => upsert('acme new', ACME))
      expect(await owned(ACME)).toEqual({ ...untouched, tags: 2 })
      expect(await acme(() => codeOf(() => upsert('globex', GLOBEX)))).toBe('TENANT_MISMATCH')

      await rows('revoke update on tags from tenantry_app')
      await rows('grant update (label) on tags to tenantry_app')
      expect(await acme(() => codeOf(() => upsert('acme', ACME)))).toBe('42501')
      await rows('grant update on tags to tenantry_app')
    })
  })

  // Trap 9.
  test('do not attach a row to another tenant’s: the keys of a plan refuse what single-column keys accept', async () => {
    await undone(async () => {
      const [{ id }] = (await rows(`select id from projects where name = 'globex app'`)) as [{ id: string }]
      const attach = () => repository(Task).save({ title: 'attached', project: { id } })
      expect(await acme(() => codeOf(attach))).toBe('23503')

      await rows(`create unique index tenantry_by_id on projects (id)`)
      const [key] = (await rows(
        `select conname, pg_get_constraintdef(oid) as definition from pg_constraint where conrelid = 'tasks'::regclass and contype = 'f' and conname like 'tenantry_FK%'`,
      )) as [{ conname: string; definition: string }]
      await rows(`alter table tasks drop constraint "${key.conname}"`)
      await rows(`alter table tasks add constraint naive foreign key ("projectId") references projects (id)`)
      await acme(attach)
      const found = await rows(
        `select t.tenant_id as task, p.tenant_id as project from tasks t join projects p on p.id = t."projectId" where title = 'attached'`,
      )
      expect(found).toEqual([{ task: ACME, project: GLOBEX }])
      await rows(`delete from tasks where title = 'attached'`)
      await rows(`alter table tasks drop constraint naive`)
      await rows(`drop index tenantry_by_id`)
      await rows(`alter table tasks add constraint "${key.conname}" ${key.definition}`)
    })
  })

  test('do not tag with another tenant’s tag, nor hang a folder below another tenant’s', async () => {
    await undone(async () => {
      const [tag] = (await rows(`select id from tags where label = 'globex tag'`)) as [{ id: string }]
      const [top] = (await rows(`select id from folders where name = 'globex top'`)) as [{ id: string }]
      const project = await acme(() => repository(Project).findOneByOrFail({ name: 'acme app' }))
      const tagging = () =>
        fixture.dataSource.createQueryBuilder().relation(Project, 'tags').of(project.id).add(tag.id)
      expect(await acme(() => codeOf(tagging))).toBe('23503')
      const hanging = () => repository(Folder).save({ name: 'below', parent: { id: top.id } })
      expect(await acme(() => codeOf(hanging))).toBe('23503')
      expect(await owned(ACME)).toEqual(untouched)
    })
  })
})

describe('relations', () => {
  test.each(['join', 'query'] as const)('are loaded for the tenant by the strategy %s', async (strategy) => {
    const loaded = await both(() =>
      repository(Project).find({
        relations: { tasks: true, tags: { projects: true } },
        relationLoadStrategy: strategy,
      }),
    )
    for (const [index, tenant] of [ACME, GLOBEX].entries()) {
      const projects = loaded[index] as Project[]
      const reached = projects.flatMap(({ tasks, tags }) => [
        ...tasks,
        ...tags,
        ...tags.flatMap((tag) => tag.projects),
      ])
      expect(reached).toHaveLength(2 * (3 + 1 + 2))
      expect(new Set(reached.map(({ tenantId }) => tenantId))).toEqual(new Set([tenant]))
    }
  })

  test('are loaded one by one by a relation query builder', async () => {
    const loaded = await both(async (name) => {
      const project = await repository(Project).findOneByOrFail({ name: `${name} app` })
      return fixture.dataSource.createQueryBuilder().relation(Project, 'tasks').of(project).loadMany<Task>()
    })
    expect(loaded.map((tasks) => tasks.map(({ tenantId }) => tenantId))).toEqual([
      Array(3).fill(ACME),
      Array(3).fill(GLOBEX),
    ])
  })

  test('of a tree: roots, descendants, ancestors, and new leaves', async () => {
    await undone(async () => {
      const trees = fixture.dataSource.getTreeRepository(Folder)
      const found = await both(async (name) => {
        const [root] = await trees.findTrees()
        const parent = await trees.findOneByOrFail({ name: `${name} below` })
        const leaf = await trees.save(trees.create({ name: 'leaf', parent }))
        return {
          root: root?.name,
          children: root?.children.map((child) => child.name),
          ancestors: (await trees.findAncestors(leaf)).map((each) => each.name).sort(),
        }
      })
      expect(found).toEqual(
        ['acme', 'globex'].map((name) => ({
          root: `${name} top`,
          children: [`${name} below`],
          ancestors: [`${name} below`, `${name} top`, 'leaf'].sort(),
        })),
      )
      expect(await owned(ACME)).toEqual({ ...untouched, folders: 3, folders_closure: 6 })
    })
  })
})

// Trap 10.
describe('views', () => {
  const sizes = () => repository(ProjectSize).find({ order: { name: 'ASC' } })

  test('are the tenant’s where they are the invoker’s, as a plan makes them', async () => {
    expect(await both(sizes)).toEqual(
      ['acme', 'globex'].map((name) => [
        { name: `${name} app`, tasks: 3 },
        { name: `${name} website`, tasks: 3 },
      ]),
    )
  })

  test('as TypeORM makes them show all tenants, if their owner is not held to policies', async () => {
    await rows('alter view project_sizes reset (security_invoker)')
    expect(await stepsLeft(fixture.database)).toContain('public.project_sizes: security_invoker')
    expect(await acme(sizes)).toEqual([])
    await rows('alter view project_sizes owner to current_user')
    expect(await acme(sizes)).toHaveLength(4)
    await rows('alter view project_sizes set (security_invoker = true)')
    await rows('alter view project_sizes owner to tenantry_owner')
    expect(await acme(sizes)).toHaveLength(2)
  })
})

describe('raw SQL', () => {
  test('is the tenant’s, and hostile values are values', async () => {
    const hostile = `x'; set app.current_tenant_id = '${GLOBEX}'; --`
    await acme(async () => {
      expect(await fixture.dataSource.query('select name from projects where name = $1', [hostile])).toEqual(
        [],
      )
      expect(await fixture.dataSource.query('select name from projects')).toHaveLength(2)
    })
  })

  test('a session-level SET of it does not outlive its statement', async () => {
    const set = `select set_config('app.current_tenant_id', '${GLOBEX}', false)`
    const plain = await new DataSource({
      type: 'postgres',
      url: fixture.database.urls.app,
      poolSize: 1,
      entities,
      installExtensions: false,
    }).initialize()
    await plain.query(set)
    expect(await plain.getRepository(Project).count()).toBe(2)
    await plain.destroy()

    const one = await openDataSource(fixture.database, { poolSize: 1 })
    await acme(() => one.query(set))
    expect(await acme(() => one.getRepository(Project).find())).toMatchObject([
      { tenantId: ACME },
      { tenantId: ACME },
    ])
    expect(await tenancy.withoutTenant(() => one.getRepository(Project).count())).toBe(0)
    await one.destroy()
  })
})

describe('subscribers', () => {
  // Trap 22.
  test('run in the scope of the statement, in each hook, and may query', async () => {
    const seen: [string, unknown][] = []
    const note = (hook: string) => () => {
      seen.push([hook, tenancy.current()?.kind === 'tenant' && tenancy.tenantId()])
    }
    @EventSubscriber()
    class Recorder {
      listenTo = () => Task
      beforeInsert = note('beforeInsert')
      afterInsert = async ({ manager }: { manager: { count(target: unknown): Promise<number> } }) => {
        seen.push(['tasks', await manager.count(Task)])
      }
      afterTransactionCommit = note('afterTransactionCommit')
      afterTransactionRollback = note('afterTransactionRollback')
    }
    const dataSource = await openDataSource(fixture.database, {
      subscribers: [Recorder],
      poolSize: 1,
    })
    await undone(async () => {
      const save = (project: { id: string }) =>
        dataSource.getRepository(Task).save({ title: 'noted', project: project as Project })
      for (const tenant of [ACME, GLOBEX]) {
        await tenancy.run(tenant, async () => {
          const [project] = await dataSource.getRepository(Project).find()
          await save(project!)
          await codeOf(() =>
            dataSource.transaction(async (manager) => {
              await manager.find(Task)
              throw new Error('undone')
            }),
          )
        })
      }
    })
    await dataSource.destroy()
    expect(seen).toEqual(
      [ACME, GLOBEX].flatMap((tenant) => [
        ['beforeInsert', tenant],
        ['tasks', 7],
        ['afterTransactionCommit', tenant],
        ['afterTransactionRollback', tenant],
      ]),
    )
  })
})

test('many tenants’ work of every kind at once on two connections stays with each', async () => {
  const kinds = [
    () => repository(Project).find(),
    () => repository(Project).find({ relations: { tasks: true }, relationLoadStrategy: 'query' }),
    () => repository(Task).createQueryBuilder('t').getMany(),
    () => fixture.dataSource.transaction((manager) => manager.find(Tag)),
    () => fixture.dataSource.getTreeRepository(Folder).find(),
  ]
  const wrong = await Promise.all(
    Array.from({ length: 200 }, async (_, number) => {
      const tenant = number % 2 === 0 ? ACME : GLOBEX
      const found = await tenancy.run(tenant, () => kinds[number % kinds.length]!())
      return found.length > 0 && found.every(({ tenantId }) => tenantId === tenant) ? 0 : 1
    }),
  )
  expect(wrong.filter(Boolean)).toEqual([])
})
