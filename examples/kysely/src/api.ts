import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { Kysely } from 'kysely'
import { signedIn } from './access-tokens.ts'
import type { Database } from './database.ts'
import { Problem, problemOf } from './problem.ts'
import { projects } from './projects.ts'
import { signUp } from './sign-up.ts'
import { tasks, tasksOfProject } from './tasks.ts'
import { readBody, text } from './validation.ts'

/** The HTTP API. */
export function createApi(db: Kysely<Database>): Hono {
  const api = new Hono()
  const tooLarge = (): never => {
    throw new Problem(413, 'The body is larger than 16 KiB.')
  }
  api.use(bodyLimit({ maxSize: 16 * 1024, onError: tooLarge }))

  api.post('/companies', async (context) => {
    const { name } = await readBody(context, { name: text(200) })
    return context.json(await signUp(db, name), 201)
  })

  // Before the routes that it is for: Hono runs what matches in the order in which it was added.
  api.use('/projects/*', signedIn(db))
  api.use('/tasks/*', signedIn(db))
  api.route('/projects', projects(db))
  api.route('/projects', tasksOfProject(db))
  api.route('/tasks', tasks(db))

  api.notFound((context) => context.json({ error: 'There is nothing here.' }, 404))
  api.onError((error, context) => {
    const problem = problemOf(error)
    if (problem === undefined) {
      console.error(error)
      return context.json({ error: 'Something went wrong here.' }, 500)
    }
    const { status, message, details } = problem
    return context.json({ error: message, ...(details.length > 0 && { details }) }, status)
  })
  return api
}
