/** Type tests of relational queries, as text: the relations of one release do not compile with the other. */
export const relationTypes = {
  '0.45': `
import type { TenantPool } from '@tenantry/core/pg'
import type { TenantSql } from '@tenantry/core/postgres-js'
import { relations } from 'drizzle-orm'
import { expectTypeOf } from 'vitest'
import { drizzle } from './src/node-postgres.ts'
import { drizzle as drizzleOnPostgresJs } from './src/postgres-js.ts'
import { projects, tasks } from './test/tables.ts'

declare const pool: TenantPool
declare const sql: TenantSql
const projectRelations = relations(projects, ({ many }) => ({ tasks: many(tasks) }))
const taskRelations = relations(tasks, ({ one }) => ({
  project: one(projects, { fields: [tasks.projectId], references: [projects.id] }),
}))
const schema = { projects, tasks, projectRelations, taskRelations }
for (const db of [drizzle({ client: pool, schema }), drizzle(pool, { schema })]) {
  const found = db.query.projects.findFirst({ columns: { name: true, tenantId: true }, with: { tasks: { columns: { done: true } } } }).execute()
  expectTypeOf(found).resolves.toEqualTypeOf<{ name: string; tenantId: string; tasks: { done: boolean }[] } | undefined>()
  // @ts-expect-error there is no such relation
  db.query.projects.findFirst({ with: { nothing: true } })
}
for (const db of [drizzleOnPostgresJs({ client: sql, schema }), drizzleOnPostgresJs(sql, { schema })]) {
  const found = db.query.projects.findFirst({ columns: { name: true }, with: { tasks: { columns: { done: true } } } }).execute()
  expectTypeOf(found).resolves.toEqualTypeOf<{ name: string; tasks: { done: boolean }[] } | undefined>()
  expectTypeOf(db.$client).toEqualTypeOf<TenantSql>()
}
`,
  '1.0': `
import type { TenantPool } from '@tenantry/core/pg'
import type { TenantSql } from '@tenantry/core/postgres-js'
import { defineRelations } from 'drizzle-orm'
import { expectTypeOf } from 'vitest'
import { drizzle } from './src/node-postgres.ts'
import { drizzle as drizzleOnPostgresJs } from './src/postgres-js.ts'
import { projects, tasks } from './test/tables.ts'

declare const pool: TenantPool
declare const sql: TenantSql
const relations = defineRelations({ projects, tasks }, (helpers) => ({
  projects: { tasks: helpers.many.tasks({ from: helpers.projects.id, to: helpers.tasks.projectId }) },
}))
const db = drizzle({ client: pool, relations })
const found = db.query.projects.findFirst({ columns: { name: true, tenantId: true }, with: { tasks: { columns: { done: true } } } }).execute()
expectTypeOf(found).resolves.toEqualTypeOf<{ name: string; tenantId: string; tasks: { done: boolean }[] } | undefined>()
// @ts-expect-error there is no such relation
db.query.projects.findFirst({ with: { nothing: true } })
const other = drizzleOnPostgresJs({ client: sql, relations })
expectTypeOf(other.query.projects.findFirst({ columns: { name: true } }).execute()).resolves.toEqualTypeOf<{ name: string } | undefined>()
expectTypeOf(other.$client).toEqualTypeOf<TenantSql>()
// @ts-expect-error 1.0 has no such form, and would open a client of its own
drizzleOnPostgresJs(sql)
`,
} as const
