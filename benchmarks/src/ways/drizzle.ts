import { drizzle as tenantDrizzle } from '@tenantry/drizzle/node-postgres'
import { and, asc, eq } from 'drizzle-orm'
import { drizzle as plainDrizzle } from 'drizzle-orm/node-postgres'
import { bigint, boolean, integer, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { endPool } from './end-pool.ts'
import { libraryOnNodePostgres } from './library.ts'
import { openPlainPool, openTenantPool } from './open-pool.ts'

function tasksIn(table: string) {
  return pgTable(table, {
    tenantId: uuid('tenant_id').notNull(),
    id: bigint({ mode: 'number' }).notNull(),
    projectId: integer('project_id').notNull(),
    title: text().notNull(),
    done: boolean().notNull().default(false),
  })
}

export const drizzle = libraryOnNodePostgres('drizzle-orm', 'Drizzle', {
  openPlain(settings) {
    const tasks = tasksIn(settings.dataset.table)
    const pool = openPlainPool(settings)
    const database = plainDrizzle({ client: pool })
    return {
      query: ({ tenantId, projectId }) =>
        database
          .select({ id: tasks.id, title: tasks.title, done: tasks.done })
          .from(tasks)
          .where(and(eq(tasks.tenantId, tenantId), eq(tasks.projectId, projectId)))
          .orderBy(asc(tasks.id))
          .limit(10),
      close: () => endPool(pool),
    }
  },
  openScoped(settings) {
    const tasks = tasksIn(settings.dataset.table)
    const pool = openTenantPool(settings)
    const database = tenantDrizzle({ client: pool })
    return {
      query: ({ projectId }) =>
        database
          .select({ id: tasks.id, title: tasks.title, done: tasks.done })
          .from(tasks)
          .where(eq(tasks.projectId, projectId))
          .orderBy(asc(tasks.id))
          .limit(10),
      close: () => endPool(pool),
    }
  },
})
