import { asc, eq } from 'drizzle-orm'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Database } from './database.ts'
import { projects, tasks } from './schema.ts'

/** Projects and tasks, as one would write them for a single company. */
export function projectRoutes(routes: FastifyInstance, db: Database): void {
  routes.get('/projects', () => db.select().from(projects).orderBy(asc(projects.name)))

  routes.post<{ Body: { name: string; tasks?: string[] } }>(
    '/projects',
    { schema: { body: newProject } },
    async (request, reply) => {
      const { name, tasks: titles = [] } = request.body
      const created = await db.transaction(async (transaction) => {
        const [project] = await transaction.insert(projects).values({ name }).returning()
        const { id: projectId } = project!
        if (titles.length > 0) {
          await transaction.insert(tasks).values(titles.map((title) => ({ projectId, title })))
        }
        return project
      })
      reply.status(201)
      return created
    },
  )

  routes.get<ById>('/projects/:id', { schema: { params: byId } }, async (request, reply) => {
    const project = await db.query.projects.findFirst({
      where: eq(projects.id, request.params.id),
      with: { tasks: { orderBy: asc(tasks.title) } },
    })
    return project ?? notFound(reply)
  })

  routes.delete<ById>('/projects/:id', { schema: { params: byId } }, async (request, reply) => {
    const [deleted] = await db.delete(projects).where(eq(projects.id, request.params.id)).returning()
    return deleted ?? notFound(reply)
  })

  routes.post<ById & { Body: { title: string } }>(
    '/projects/:id/tasks',
    { schema: { params: byId, body: newTask } },
    async (request, reply) => {
      const { title } = request.body
      try {
        const [task] = await db.insert(tasks).values({ projectId: request.params.id, title }).returning()
        reply.status(201)
        return task
      } catch (error) {
        // The project is not there, or not this company's: the foreign key makes no difference.
        if (codeOf(error) === '23503') return notFound(reply)
        throw error
      }
    },
  )

  routes.patch<ById & { Body: { done: boolean } }>(
    '/tasks/:id',
    { schema: { params: byId, body: changedTask } },
    async (request, reply) => {
      const { done } = request.body
      const [task] = await db.update(tasks).set({ done }).where(eq(tasks.id, request.params.id)).returning()
      return task ?? notFound(reply)
    },
  )
}

interface ById {
  Params: { id: string }
}

const text = { type: 'string', minLength: 1 }
const byId = { type: 'object', properties: { id: { type: 'string', format: 'uuid' } } }
const newTask = { type: 'object', required: ['title'], properties: { title: text } }
const changedTask = { type: 'object', required: ['done'], properties: { done: { type: 'boolean' } } }
const newProject = {
  type: 'object',
  required: ['name'],
  properties: { name: text, tasks: { type: 'array', items: text } },
}

function notFound(reply: FastifyReply): { error: string } {
  reply.status(404)
  return { error: 'There is no such thing.' }
}

/** Drizzle puts the error of the database below its own. */
function codeOf(error: unknown): unknown {
  const { cause } = error as { readonly cause?: { readonly code?: unknown } }
  return cause?.code
}
