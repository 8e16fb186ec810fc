import * as orm from 'drizzle-orm'
import type { Driver } from './drivers.ts'
import { isDrizzle1 } from './drizzle-release.ts'
import { projects, tasks } from './tables.ts'

export interface RelationalDatabase {
  readonly query: {
    readonly projects: {
      findMany(config: object): Promise<{ tenantId: string; tasks: { title: string }[] }[]>
    }
  }
}

/** A database with relations as each release declares them; the types of one release do not know the other's. */
export function relationalDatabase(driver: Pick<Driver, 'drizzle'>, config: object): RelationalDatabase {
  const { defineRelations, relations } = orm as unknown as {
    defineRelations(tables: object, define: (one: RelationHelpers) => object): object
    relations(
      table: object,
      define: (helpers: {
        many(table: object): object
        one(table: object, config: object): object
      }) => object,
    ): object
  }
  if (isDrizzle1) {
    const defined = defineRelations({ projects, tasks }, (helpers) => ({
      projects: {
        tasks: helpers.many['tasks']!({ from: helpers['projects'].id, to: helpers['tasks'].projectId }),
      },
    }))
    return driver.drizzle({ ...config, relations: defined }) as unknown as RelationalDatabase
  }
  const schema = {
    projects,
    tasks,
    projectRelations: relations(projects, ({ many }) => ({ tasks: many(tasks) })),
    taskRelations: relations(tasks, ({ one }) => ({
      project: one(projects, { fields: [tasks.projectId], references: [projects.id] }),
    })),
  }
  return driver.drizzle({ ...config, schema }) as unknown as RelationalDatabase
}

interface RelationHelpers {
  readonly many: Record<string, (config: object) => object>
  readonly projects: { readonly id: object }
  readonly tasks: { readonly projectId: object }
}
