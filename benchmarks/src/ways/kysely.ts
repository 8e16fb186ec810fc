import { Kysely, PostgresDialect } from 'kysely'
import type { Pool } from 'pg'
import { endPool } from './end-pool.ts'
import { libraryOnNodePostgres } from './library.ts'
import { openPlainPool, openTenantPool } from './open-pool.ts'

interface TaskTable {
  readonly tenant_id: string
  readonly id: string
  readonly project_id: number
  readonly title: string
  readonly done: boolean
}

function open(pool: Pool): Kysely<Record<string, TaskTable>> {
  return new Kysely({ dialect: new PostgresDialect({ pool }) })
}

export const kysely = libraryOnNodePostgres('kysely', 'Kysely', {
  openPlain(settings) {
    const { table } = settings.dataset
    const pool = openPlainPool(settings)
    const database = open(pool)
    return {
      query: ({ tenantId, projectId }) =>
        database
          .selectFrom(table)
          .select(['id', 'title', 'done'])
          .where('tenant_id', '=', tenantId)
          .where('project_id', '=', projectId)
          .orderBy('id')
          .limit(10)
          .execute(),
      close: () => endPool(pool, () => database.destroy()),
    }
  },
  openScoped(settings) {
    const { table } = settings.dataset
    const pool = openTenantPool(settings)
    const database = open(pool)
    return {
      query: ({ projectId }) =>
        database
          .selectFrom(table)
          .select(['id', 'title', 'done'])
          .where('project_id', '=', projectId)
          .orderBy('id')
          .limit(10)
          .execute(),
      close: () => endPool(pool, () => database.destroy()),
    }
  },
})
