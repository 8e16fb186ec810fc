import { pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { tenantForeignKey, tenantId, tenantIsolation } from '../../src/index.ts'

const role = 'tenantry_app'

export const tenants = pgTable('tenants', { id: uuid().primaryKey(), name: text().notNull() }, (table) => [
  ...tenantIsolation(table.id, { role }),
])

export const projects = pgTable(
  'projects',
  {
    tenantId: tenantId().references(() => tenants.id),
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
    tenantId: tenantId().references(() => tenants.id),
    id: uuid().defaultRandom().notNull(),
    projectId: uuid('project_id').notNull(),
    title: text().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    tenantForeignKey({
      tenant: table.tenantId,
      columns: [table.projectId],
      foreignColumns: [projects.id],
    }).onDelete('cascade'),
    ...tenantIsolation(table.tenantId, { role }),
  ],
)

/** Those without a tenant are everybody's. */
export const templates = pgTable(
  'templates',
  {
    tenantId: tenantId({ shared: true }).references(() => tenants.id),
    id: uuid().defaultRandom().primaryKey(),
    title: text().notNull(),
  },
  (table) => [...tenantIsolation(table.tenantId, { role, shared: true })],
)
