import { Hono } from 'hono'
import { stream } from 'hono/streaming'
import type { Kysely } from 'kysely'
import type { Database } from './database.ts'
import { Problem } from './problem.ts'
import { flag, readBody, readChanges, readId, text } from './validation.ts'

const title = text(500)
const noSuchTask = (): Problem => new Problem(404, 'There is no such task.')
const columns = ['id', 'project_id', 'title', 'done'] as const
const PAGE = 100

/** The tasks of a project, below its path. */
export function tasksOfProject(db: Kysely<Database>): Hono {
  const routes = new Hono()

  routes.get('/:id/tasks', async (context) => {
    const project = readId(context)
    // One snapshot of both, so that a project without tasks is told from one that is not there.
    const rows = await db
      .selectFrom('projects')
      .leftJoin('tasks', (join) =>
        join
          .onRef('tasks.project_id', '=', 'projects.id')
          .onRef('tasks.tenant_id', '=', 'projects.tenant_id'),
      )
      .where('projects.id', '=', project)
      .select(['tasks.id', 'tasks.project_id', 'tasks.title', 'tasks.done'])
      .orderBy('tasks.title')
      .execute()
    if (rows.length === 0) throw new Problem(404, 'There is no such project.')
    return context.json(rows.filter(({ id }) => id !== null))
  })

  routes.post('/:id/tasks', async (context) => {
    const project_id = readId(context)
    const values = await readBody(context, { title })
    const task = await db
      .insertInto('tasks')
      .values({ ...values, project_id })
      .returning(columns)
      .executeTakeFirstOrThrow()
    return context.json(task, 201)
  })

  return routes
}

export function tasks(db: Kysely<Database>): Hono {
  const routes = new Hono()

  /** All tasks of the company, a JSON object a line: a page is read when the one before it has been taken. */
  routes.get('/export', (context) => {
    context.header('content-type', 'application/x-ndjson')
    return stream(context, async (output) => {
      // Still in the request's scope, though the response has begun: the scope goes with the work.
      for (let page = await pageAfter(db); page.length > 0 && !output.aborted;) {
        await output.write(page.map((task) => `${JSON.stringify(task)}\n`).join(''))
        page = page.length < PAGE ? [] : await pageAfter(db, page.at(-1)?.id)
      }
    })
  })

  routes.patch('/:id', async (context) => {
    const id = readId(context)
    const changes = await readChanges(context, { title, done: flag })
    const task = await db
      .updateTable('tasks')
      .set(changes)
      .where('id', '=', id)
      .returning(columns)
      .executeTakeFirstOrThrow(noSuchTask)
    return context.json(task)
  })

  routes.delete('/:id', async (context) => {
    const { numDeletedRows } = await db
      .deleteFrom('tasks')
      .where('id', '=', readId(context))
      .executeTakeFirstOrThrow()
    if (numDeletedRows === 0n) throw noSuchTask()
    return context.body(null, 204)
  })

  return routes
}

function pageAfter(db: Kysely<Database>, id?: string) {
  const page = db.selectFrom('tasks').select(columns).orderBy('id').limit(PAGE)
  return (id === undefined ? page : page.where('id', '>', id)).execute()
}
