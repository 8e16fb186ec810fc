import { randomUUID } from 'node:crypto'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Database } from './database.ts'
import { companies } from './schema.ts'
import { projectRoutes } from './project-routes.ts'
import { tenancy } from './tenancy.ts'
import { companyOf, issueToken } from './token.ts'

/**
 * The HTTP API. No route names a company: whose a request is, its token says, once, in a hook.
 *
 * @param secret what tokens are signed with
 */
export function createApi(db: Database, secret: string): FastifyInstance {
  const api = Fastify()

  api.get('/health', async () => {
    await tenancy.withoutTenant(() => db.execute('select 1'))
    return { status: 'ok' }
  })

  // A new company writes itself: its row is the one that its own id may see.
  api.post<{ Body: { name: string } }>('/companies', { schema: { body: named } }, async (request, reply) => {
    const id = randomUUID()
    await tenancy.run(id, () => db.insert(companies).values({ id, name: request.body.name }))
    reply.status(201)
    return { id, token: issueToken(id, secret) }
  })

  api.register(async (routes) => {
    routes.addHook('preHandler', (request, reply, done) => {
      const [, token = ''] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '') ?? []
      const company = companyOf(token, secret)
      if (company === undefined) reply.status(401).send({ error: 'A token of a company is needed.' })
      else tenancy.run(company, done)
    })
    projectRoutes(routes, db)
  })
  return api
}

const named = {
  type: 'object',
  required: ['name'],
  properties: { name: { type: 'string', minLength: 1 } },
}
