import { tenantForeignKey, tenantId, tenantIsolation } from '@tenantry/drizzle'
import { relations } from 'drizzle-orm'
import { boolean, index, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'

/** The role that the API connects as. */
const role = 'tenantry_app'

export const companies = pgTable(
  'companies',
  { id: uuid().primaryKey(), name: text().notNull() },
  (table) => [...tenantIsolation(table.id, { role })],
)

export const projects = pgTable(
  'projects',
  {
    tenantId: tenantId().references(() => companies.id, { onDelete: 'cascade' }),
    id: uuid().defaultRandom().notNull(),
    name: text().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    ...tenantIsolation(table.tenantId, { role }),
  ],
)

export const tasks = pgTable(
  'tasks',
  {
    tenantId: tenantId().references(() => companies.id, { onDelete: 'cascade' }),
    id: uuid().defaultRandom().notNull(),
    projectId: uuid('project_id').notNull(),
    title: text().notNull(),
    done: boolean().default(false).notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    tenantForeignKey({
      tenant: table.tenantId,
      columns: [table.projectId],
      foreignColumns: [projects.id],
    }).onDelete('cascade'),
    index('tasks_of_project').on(table.tenantId, table.projectId),
    ...tenantIsolation(table.tenantId, { role }),
  ],
)

export const projectRelations = relations(projects, ({ many }) => ({ tasks: many(tasks) }))
export const taskRelations = relations(tasks, ({ one }) => ({
  project: one(projects, { fields: [tasks.projectId], references: [projects.id] }),
}))
