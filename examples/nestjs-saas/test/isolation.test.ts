import { DataSource } from 'typeorm'
import { describe, expect, test } from 'vitest'
import { entities } from '../src/database/entities.ts'
import { Project } from '../src/projects/project.entity.ts'
import { Projects } from '../src/projects/projects.ts'
import { useApp, type KnownTenant } from './running-app.ts'

const app = useApp(4)

async function projectOf({ token }: KnownTenant, name: string): Promise<{ id: string; taskId: string }> {
  const { body: project } = await app.call('POST', '/projects', { token, body: { name } })
  const { body: task } = await app.call('POST', `/projects/${project.id}/tasks`, {
    token,
    body: { title: name },
  })
  return { id: project.id, taskId: task.id }
}

test('the same service on a data source without Tenantry lists everybody’s projects', async () => {
  const [acme, globex] = [await app.signUp('Acme'), await app.signUp('Globex')]
  await projectOf(acme, 'Naive Acme')
  await projectOf(globex, 'Naive Globex')
  // As most applications connect: with a role that policies do not hold for.
  const plain = await new DataSource({
    type: 'postgres',
    url: app.configuration.database.systemUrl,
    entities,
  }).initialize()
  try {
    const projects = await new Projects(plain.getRepository(Project)).list({ skip: 0, take: 100 })
    expect(projects.map(({ name }) => name)).toEqual(expect.arrayContaining(['Naive Acme', 'Naive Globex']))
  } finally {
    await plain.destroy()
  }
  const { body } = await app.call('GET', '/projects', { token: acme.token })
  expect(body.map(({ name }: { name: string }) => name)).toEqual(['First project', 'Naive Acme'])
})

describe('another tenant’s rows', () => {
  test('are in no list, cannot be read, changed or deleted by id, and nothing says that they exist', async () => {
    const [acme, globex] = [await app.signUp('Acme'), await app.signUp('Globex')]
    const secret = await projectOf(globex, 'Secret')
    const before = await app.rowsOf(globex)
    const { token } = acme

    expect((await app.call('GET', '/projects', { token })).text).not.toContain('Secret')
    const attempts = await Promise.all([
      app.call('GET', `/projects/${secret.id}`, { token }),
      app.call('PUT', `/projects/${secret.id}`, { token, body: { name: 'Taken' } }),
      app.call('DELETE', `/projects/${secret.id}`, { token }),
      app.call('GET', `/projects/${secret.id}/tasks`, { token }),
      app.call('POST', `/projects/${secret.id}/tasks`, { token, body: { title: 'Planted' } }),
      app.call('GET', `/tasks/${secret.taskId}`, { token }),
      app.call('PATCH', `/tasks/${secret.taskId}`, { token, body: { title: 'Taken', status: 'done' } }),
      app.call('DELETE', `/tasks/${secret.taskId}`, { token }),
    ])
    expect(attempts.map(({ status }) => status)).toEqual(attempts.map(() => 404))
    const nowhere = await app.call('GET', '/projects/00000000-0000-4000-8000-000000000000', { token })
    expect(attempts[0]).toEqual(nowhere)
    expect(await app.rowsOf(globex)).toEqual(before)
  })

  test('are not assigned to: a user of another tenant is no user here', async () => {
    const [acme, globex] = [await app.signUp('Acme'), await app.signUp('Globex')]
    const own = await projectOf(acme, 'Own')
    const { body: users } = await app.call('GET', '/users', { token: globex.token })
    const refused = { status: 400, body: { message: 'There is no such user to assign.' } }
    const body = { title: 'x', assigneeId: users[0].id }
    const { token } = acme
    expect(await app.call('PATCH', `/tasks/${own.taskId}`, { token, body })).toMatchObject(refused)
    expect(await app.call('POST', `/projects/${own.id}/tasks`, { token, body })).toMatchObject(refused)
  })

  test('do not stand in the way: names and addresses are unique within a tenant', async () => {
    const [acme, globex] = [await app.signUp('Acme'), await app.signUp('Globex')]
    await projectOf(globex, 'Same name')
    const create = () => app.call('POST', '/projects', { token: acme.token, body: { name: 'Same name' } })
    expect((await create()).status).toBe(201)
    expect(await create()).toMatchObject({
      status: 409,
      body: { message: 'A project has this name already.' },
    })
    await app.addMember(globex, 'shared@example.org')
    await app.addMember(acme, 'shared@example.org')
    const again = {
      email: 'shared@example.org',
      name: 'M',
      role: 'member',
      password: 'correct horse battery',
    }
    expect((await app.call('POST', '/users', { token: acme.token, body: again })).status).toBe(409)
  })
})

test('100 tenants at once over four connections: each answer, and each row, is the right tenant’s', async () => {
  const tenants = await Promise.all(Array.from({ length: 100 }, (_, index) => app.signUp(`Crowd${index}`)))
  const results = await Promise.all(
    tenants.flatMap((tenant) =>
      [1, 2, 3].map(async (number) => {
        const { token, name } = tenant
        const { id, taskId } = await projectOf(tenant, `Project ${number} of ${name}`)
        const answers = await Promise.all([
          app.call('GET', '/projects', { token }),
          app.call('GET', `/projects/${id}/tasks`, { token }),
          app.call('PATCH', `/tasks/${taskId}`, { token, body: { status: 'done' } }),
          app.call('GET', '/users', { token }),
        ])
        return { name, answers }
      }),
    ),
  )
  for (const { name, answers } of results) {
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    const [projects, tasks, task, users] = answers.map(({ body }) => body)
    const others = projects.filter((project: { name: string }) => !project.name.endsWith(` of ${name}`))
    expect(others.map((project: { name: string }) => project.name)).toEqual(['First project'])
    expect(tasks).toMatchObject([{ title: expect.stringMatching(` of ${name}$`) }])
    expect(task).toMatchObject({ title: expect.stringMatching(` of ${name}$`), status: 'done' })
    expect(users).toMatchObject([{ name: `Admin of ${name}` }])
  }

  // Whose the rows are, as a superuser sees it.
  const rows = await app.database.query(`
    select tenants.name,
      (select count(*)::int from projects p where p.tenant_id = tenants.id and p.name like 'Project _ of ' || tenants.name) as projects,
      (select count(*)::int from tasks t where t.tenant_id = tenants.id and t.title like '% of ' || tenants.name and t.status = 'done') as tasks
    from tenants where name like 'Crowd%'`)
  expect(rows).toHaveLength(100)
  expect(rows.filter(({ projects, tasks }) => projects !== 3 || tasks !== 3)).toEqual([])
  const [planted] = await app.database.query(`select count(*)::int from tasks where title like '% of Crowd%'`)
  expect(planted).toEqual({ count: 300 })
  const { totalCount, idleCount, waitingCount } = app.dataSource.pool
  expect({ totalCount, idleCount, waitingCount }).toEqual({ totalCount: 4, idleCount: 4, waitingCount: 0 })
})
