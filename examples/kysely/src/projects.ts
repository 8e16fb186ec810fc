import { Hono } from 'hono'
import type { Kysely } from 'kysely'
import { PROJECT_STATUSES, type Database } from './database.ts'
import { Problem } from './problem.ts'
import { oneOf, readBody, readChanges, readId, text } from './validation.ts'

const name = text(200)
const noSuchProject = (): Problem => new Problem(404, 'There is no such project.')

/** No statement here names a company. */
export function projects(db: Kysely<Database>): Hono {
  const routes = new Hono()

  routes.get('/', async (context) =>
    context.json(await db.selectFrom('projects').select(['id', 'name', 'status']).orderBy('name').execute()),
  )

  routes.post('/', async (context) => {
    const values = await readBody(context, { name })
    const project = await db
      .insertInto('projects')
      .values(values)
      .returning(['id', 'name', 'status'])
      .executeTakeFirstOrThrow()
    return context.json(project, 201)
  })

  routes.get('/:id', async (context) => {
    const project = await db
      .selectFrom('projects')
      .select(['id', 'name', 'status'])
      .where('id', '=', readId(context))
      .executeTakeFirstOrThrow(noSuchProject)
    return context.json(project)
  })

  routes.patch('/:id', async (context) => {
    const id = readId(context)
    const changes = await readChanges(context, { name, status: oneOf(PROJECT_STATUSES) })
    const project = await db
      .updateTable('projects')
      .set(changes)
      .where('id', '=', id)
      .returning(['id', 'name', 'status'])
      .executeTakeFirstOrThrow(noSuchProject)
    return context.json(project)
  })

  routes.delete('/:id', async (context) => {
    const { numDeletedRows } = await db
      .deleteFrom('projects')
      .where('id', '=', readId(context))
      .executeTakeFirstOrThrow()
    if (numDeletedRows === 0n) throw noSuchProject()
    return context.body(null, 204)
  })

  return routes
}
