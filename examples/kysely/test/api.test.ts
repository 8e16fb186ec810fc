import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApi, type RunningApi } from './running-api.ts'

let api: RunningApi
let token: string
beforeAll(async () => {
  api = await startApi(2)
  token = (await api.signUp('Porto Legal')).token
})
afterAll(() => api.close())

test('projects and tasks, from the first to the last', async () => {
  const project = await api.call(token, 'POST', '/projects', { name: 'Website' })
  expect(project).toEqual({
    status: 201,
    body: { id: expect.any(String), name: 'Website', status: 'active' },
  })
  const path = `/projects/${project.body.id}`
  expect(await api.call(token, 'GET', `${path}/tasks`)).toEqual({ status: 200, body: [] })

  const task = await api.call(token, 'POST', `${path}/tasks`, { title: 'Write it' })
  expect(task.status).toBe(201)
  expect((await api.call(token, 'PATCH', `/tasks/${task.body.id}`, { done: true })).body).toEqual({
    ...task.body,
    done: true,
  })
  expect((await api.call(token, 'GET', `${path}/tasks`)).body).toEqual([{ ...task.body, done: true }])
  expect((await api.call(token, 'PATCH', path, { status: 'archived' })).body).toEqual({
    ...project.body,
    status: 'archived',
  })
  expect((await api.call(token, 'GET', path)).body).toEqual({ ...project.body, status: 'archived' })

  expect((await api.call(token, 'DELETE', path)).status).toBe(204)
  expect((await api.call(token, 'GET', path)).status).toBe(404)
  expect((await api.call(token, 'DELETE', `/tasks/${task.body.id}`)).status).toBe(404)
})

test.each([
  ['POST', '/projects', 'not json', 'The body is not JSON.', undefined],
  ['POST', '/projects', undefined, 'The body is not JSON.', undefined],
  ['POST', '/projects', '[]', 'The body is not a JSON object.', undefined],
  ['POST', '/projects', {}, 'The body is not right.', ['name is missing']],
  [
    'POST',
    '/projects',
    { name: ' ', colour: 'red' },
    'The body is not right.',
    ['name must be text of 1 to 200 characters on one line', '"colour" is no field of this request'],
  ],
  [
    'POST',
    '/projects',
    { name: 'a\u0000b' },
    'The body is not right.',
    ['name must be text of 1 to 200 characters on one line'],
  ],
  [
    'PATCH',
    '/projects/00000000-0000-4000-8000-000000000000',
    {},
    'The body is not right.',
    ['give at least one of name, status'],
  ],
  [
    'PATCH',
    '/projects/00000000-0000-4000-8000-000000000000',
    { status: 'lost' },
    'The body is not right.',
    ['status must be one of active, paused, archived'],
  ],
  ['PATCH', '/tasks/1', { done: true }, 'The id in the path is not a UUID.', undefined],
  [
    'POST',
    '/companies',
    { name: 1 },
    'The body is not right.',
    ['name must be text of 1 to 200 characters on one line'],
  ],
])('%s %s with %j is a 400 that says why', async (method, path, body, error, details) => {
  expect(await api.call(token, method, path, body)).toEqual({
    status: 400,
    body: { error, ...(details !== undefined && { details }) },
  })
})

test('a name that is taken is a 409, one that is too large a 413, nothing a 404', async () => {
  await api.call(token, 'POST', '/projects', { name: 'Once' })
  expect((await api.call(token, 'POST', '/projects', { name: 'Once' })).status).toBe(409)
  expect((await api.call(token, 'POST', '/projects', { name: 'x'.repeat(20_000) })).status).toBe(413)
  expect(await api.call(token, 'GET', '/nothing')).toEqual({
    status: 404,
    body: { error: 'There is nothing here.' },
  })
})
