import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { NewCompany } from '../src/sign-up.ts'
import { startApi, type RunningApi } from './running-api.ts'

let api: RunningApi
let companies: NewCompany[]
beforeAll(async () => {
  api = await startApi(3)
  companies = await Promise.all(Array.from({ length: 40 }, (_, index) => api.signUp(`Company ${index}`)))
})
afterAll(() => api.close())

test('hundreds of requests of many companies at once: each answer, and each row, is the right company’s', async () => {
  const { call, database } = api
  const results = await Promise.all(
    companies.flatMap((company) =>
      Array.from({ length: 5 }, async (_, number) => {
        const { token, name } = company
        const project = await call(token, 'POST', '/projects', { name: `Project ${number} of ${name}` })
        const id = project.body.id as string
        const [task, , list, tasks] = await Promise.all([
          call(token, 'POST', `/projects/${id}/tasks`, { title: `Task of ${name}` }),
          call(token, 'PATCH', `/projects/${id}`, { status: 'paused' }),
          call(token, 'GET', '/projects'),
          call(token, 'GET', '/tasks/export'),
        ])
        return { name, statuses: [project.status, task.status, list.status, tasks.status], list, tasks }
      }),
    ),
  )
  for (const { name, statuses, list, tasks } of results) {
    expect(statuses).toEqual([201, 201, 200, 200])
    const names = (list.body as { name: string }[]).map((project) => project.name)
    expect(names.filter((project) => !project.endsWith(` of ${name}`))).toEqual([])
    const titles = String(tasks.body ?? '')
      .split('\n')
      .filter(Boolean)
    expect(titles.filter((line) => JSON.parse(line).title !== `Task of ${name}`)).toEqual([])
  }

  // Whose the rows are, as a superuser sees it.
  const rows = await database.query(`
    select companies.name,
      (select count(*)::int from projects where tenant_id = companies.id and status = 'paused' and name like 'Project _ of ' || companies.name) as projects,
      (select count(*)::int from tasks where tenant_id = companies.id and title = 'Task of ' || companies.name) as tasks
    from companies`)
  expect(rows).toHaveLength(40)
  expect(rows.filter(({ projects, tasks }) => projects !== 5 || tasks !== 5)).toEqual([])
  const [total] = await database.query(
    'select (select count(*)::int from projects) as projects, (select count(*)::int from tasks) as tasks',
  )
  expect(total).toEqual({ projects: 200, tasks: 200 })
  expect(api.connections()).toEqual({ total: 3, idle: 3, waiting: 0 })
})

describe('what belongs to another company', () => {
  const ownAndOther = async () => {
    const own = await api.signUp('Own')
    const other = await api.signUp('Other')
    const project = (await api.call(other.token, 'POST', '/projects', { name: 'Secret' })).body as {
      id: string
    }
    const task = (await api.call(other.token, 'POST', `/projects/${project.id}/tasks`, { title: 'Hidden' }))
      .body as { id: string }
    return { own, other, project, task }
  }

  test('is not there: neither to read nor to change, and errors do not tell', async () => {
    const { own, other, project, task } = await ownAndOther()
    const attempts = await Promise.all([
      api.call(own.token, 'GET', `/projects/${project.id}`),
      api.call(own.token, 'PATCH', `/projects/${project.id}`, { name: 'Taken' }),
      api.call(own.token, 'DELETE', `/projects/${project.id}`),
      api.call(own.token, 'GET', `/projects/${project.id}/tasks`),
      api.call(own.token, 'POST', `/projects/${project.id}/tasks`, { title: 'Planted' }),
      api.call(own.token, 'PATCH', `/tasks/${task.id}`, { done: true }),
      api.call(own.token, 'DELETE', `/tasks/${task.id}`),
    ])
    expect(attempts.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404, 404, 404])
    const nowhere = await api.call(own.token, 'GET', '/projects/00000000-0000-4000-8000-000000000000')
    expect(attempts[0]?.body).toEqual(nowhere.body)
    // Names are unique within a company only.
    expect((await api.call(own.token, 'POST', '/projects', { name: 'Secret' })).status).toBe(201)
    expect(
      await api.database.query(
        'select name, title, done from projects join tasks on tasks.project_id = projects.id where projects.tenant_id = $1',
        [other.id],
      ),
    ).toEqual([{ name: 'Secret', title: 'Hidden', done: false }])
  })

  test.each([
    ['a field of the body', {}, { name: 'x', tenant_id: 'ID' }, 400],
    ['another field of the body', {}, { name: 'x', company_id: 'ID' }, 400],
    ['a prototype', {}, '{"name":"x","__proto__":{"tenant_id":"ID"}}', 400],
    ['a header', { 'x-tenant-id': 'ID', 'x-company': 'ID' }, { name: 'x' }, 201],
    ['a second authorization', { authorization: 'Bearer ID' }, { name: 'x' }, 401],
  ])('cannot be named by %s', async (_way, headers, body, status) => {
    const { own, other } = await ownAndOther()
    const named = (text: string) => text.replaceAll('ID', other.id)
    const response = await fetch(`${api.url}/projects?tenant_id=${other.id}&company=${other.id}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${own.token}`,
        ...(JSON.parse(named(JSON.stringify(headers))) as Record<string, string>),
      },
      body: named(typeof body === 'string' ? body : JSON.stringify(body)),
    })
    expect(response.status).toBe(status)
    expect(await api.database.query('select name from projects where tenant_id = $1', [other.id])).toEqual([
      { name: 'Secret' },
    ])
  })
})

describe('signing in', () => {
  test.each([
    ['none', undefined],
    ['an empty one', ''],
    ['one that nobody has', 'nonsense'],
    ['SQL', "' or true --"],
    ['a pattern', '%'],
    ['a very long one', 'a'.repeat(10_000)],
  ])('not with %s', async (_name, token) => {
    const { status, body } = await api.call(token, 'GET', '/projects')
    expect(status).toBe(401)
    expect(body).toEqual({ error: 'Sign in with the header "authorization: Bearer <token>".' })
  })

  test('not with what the database keeps of a token, nor with the id of a company', async () => {
    const [row] = await api.database.query<{ hash: string; company_id: string }>(
      'select * from access_tokens limit 1',
    )
    for (const token of [row?.hash, row?.company_id]) {
      expect((await api.call(token, 'GET', '/projects')).status).toBe(401)
    }
  })
})

test('an export that is broken off leaves a connection for the next company', async () => {
  const company = await api.signUp('Large')
  await api.database.query(`insert into projects (tenant_id, name) values ($1, 'Large')`, [company.id])
  await api.database.query(
    `insert into tasks (tenant_id, project_id, title)
     select tenant_id, id, 'Task of Large' from projects, generate_series(1, 5000) where name = 'Large'`,
  )
  const whole = await api.call(company.token, 'GET', '/tasks/export')
  expect(String(whole.body).split('\n').filter(Boolean)).toHaveLength(5000)
  for (let time = 0; time < 5; time += 1) {
    const abort = new AbortController()
    const response = await fetch(`${api.url}/tasks/export`, {
      headers: { authorization: `Bearer ${company.token}` },
      signal: abort.signal,
    })
    const reader = response.body?.getReader()
    await reader?.read()
    abort.abort()
  }
  const own = await api.signUp('Small')
  expect((await api.call(own.token, 'GET', '/tasks/export')).body).toBeUndefined()
  await expect.poll(api.connections).toEqual({ total: 3, idle: 3, waiting: 0 })
})
