import { randomUUID } from 'node:crypto'
import type { Access } from '../src/access/access-for.ts'
import type { KnownTenant, RunningApp } from './running-app.ts'

/** A tenant with something of everything. */
export interface FurnishedTenant extends KnownTenant {
  readonly projectId: string
  readonly taskId: string
  readonly memberId: string
}

export async function furnish(app: RunningApp, label: string): Promise<FurnishedTenant> {
  const tenant = await app.signUp(label)
  const { token } = tenant
  const { body: project } = await app.call('POST', '/projects', {
    token,
    body: { name: `Plans of ${label}` },
  })
  const { id: memberId } = await app.addMember(tenant, `member@${tenant.slug}.example`)
  const { body: task } = await app.call('POST', `/projects/${project.id}/tasks`, {
    token,
    body: { title: `Task of ${label}`, assigneeId: memberId },
  })
  return { ...tenant, projectId: project.id, taskId: task.id, memberId }
}

export interface RouteCase {
  readonly access: Access
  /** A request about what is the tenant's. */
  readonly request: (of: FurnishedTenant) => { path: string; body?: object }
  /** The answer to the tenant itself. */
  readonly own: number
  /** The answer to another tenant that sends the same. */
  readonly foreign: number
}

const NEW_NAME = { name: 'New name' }
const lists = { own: 200, foreign: 200 }
const finds = { own: 200, foreign: 404 }
const removes = { own: 204, foreign: 404 }

const member = (): object => ({
  email: `${randomUUID()}@example.org`,
  name: 'New',
  role: 'member',
  password: 'correct horse battery',
})

/** Every route that the application has: what is missing here fails the test. */
export const routeCases: Readonly<Record<string, RouteCase>> = {
  'GET /projects': { access: 'members', request: () => ({ path: '/projects' }), ...lists },
  'POST /projects': {
    access: 'members',
    request: () => ({ path: '/projects', body: { name: `Project ${randomUUID()}` } }),
    own: 201,
    foreign: 201,
  },
  'GET /projects/:id': {
    access: 'members',
    request: ({ projectId }) => ({ path: `/projects/${projectId}` }),
    ...finds,
  },
  'PUT /projects/:id': {
    access: 'members',
    request: ({ projectId }) => ({ path: `/projects/${projectId}`, body: NEW_NAME }),
    ...finds,
  },
  'DELETE /projects/:id': {
    access: 'admins',
    request: ({ projectId }) => ({ path: `/projects/${projectId}` }),
    ...removes,
  },
  'GET /projects/:projectId/tasks': {
    access: 'members',
    request: ({ projectId }) => ({ path: `/projects/${projectId}/tasks` }),
    ...finds,
  },
  'POST /projects/:projectId/tasks': {
    access: 'members',
    request: ({ projectId, memberId }) => ({
      path: `/projects/${projectId}/tasks`,
      body: { title: 'New', assigneeId: memberId },
    }),
    own: 201,
    foreign: 404,
  },
  'GET /tasks/:id': { access: 'members', request: ({ taskId }) => ({ path: `/tasks/${taskId}` }), ...finds },
  'PATCH /tasks/:id': {
    access: 'members',
    request: ({ taskId, memberId }) => ({
      path: `/tasks/${taskId}`,
      body: { title: 'New', assigneeId: memberId },
    }),
    ...finds,
  },
  'DELETE /tasks/:id': {
    access: 'members',
    request: ({ taskId }) => ({ path: `/tasks/${taskId}` }),
    ...removes,
  },
  'GET /users': { access: 'members', request: () => ({ path: '/users' }), ...lists },
  'POST /users': {
    access: 'admins',
    request: () => ({ path: '/users', body: member() }),
    own: 201,
    foreign: 201,
  },
  'DELETE /users/:id': {
    access: 'admins',
    request: ({ memberId }) => ({ path: `/users/${memberId}` }),
    ...removes,
  },
  'GET /reports/tasks': {
    access: 'operators',
    request: () => ({ path: '/reports/tasks' }),
    own: 401,
    foreign: 401,
  },
  'GET /reports/audit': {
    access: 'operators',
    request: () => ({ path: '/reports/audit' }),
    own: 401,
    foreign: 401,
  },
  'POST /tenants': {
    access: 'visitors',
    request: ({ slug, email, password }) => ({
      path: '/tenants',
      body: { name: 'Again', slug, administrator: { email, password, name: 'Again' } },
    }),
    own: 409,
    foreign: 409,
  },
  'POST /sign-in': {
    access: 'visitors',
    request: ({ email, password }) => ({ path: '/sign-in', body: { email, password } }),
    own: 200,
    foreign: 401,
  },
  'GET /health': { access: 'visitors', request: () => ({ path: '/health' }), ...lists },
  'GET /ready': { access: 'visitors', request: () => ({ path: '/ready' }), ...lists },
}
