import { boolean, integer, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { tenantForeignKey, tenantId } from '../src/index.ts'

/** The tables of `tenancySchema()`. */
export const projects = pgTable(
  'projects',
  {
    tenantId: tenantId(),
    id: uuid('id').defaultRandom().notNull(),
    name: text('name').notNull(),
    status: text('status').default('active').notNull(),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.id] })],
)

export const tasks = pgTable(
  'tasks',
  {
    tenantId: tenantId(),
    id: uuid('id').defaultRandom().notNull(),
    projectId: uuid('project_id').notNull(),
    title: text('title').notNull(),
    done: boolean('done').default(false).notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    tenantForeignKey({
      tenant: table.tenantId,
      columns: [table.projectId],
      foreignColumns: [projects.id],
    }).onDelete('cascade'),
  ],
)

export const plans = pgTable('plans', { id: integer('id').primaryKey(), name: text('name').notNull() })
