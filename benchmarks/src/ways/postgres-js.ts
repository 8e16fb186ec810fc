import { tenantPostgres } from '@tenantry/core/postgres-js'
import postgres from 'postgres'
import { openInScope, type Library, type LibrarySessions } from './library.ts'
import type { TaskRow } from './way.ts'

const sessions: LibrarySessions = {
  openPlain({ connectionStrings, dataset, connections }) {
    const sql = postgres(connectionStrings.superuser, { max: connections })
    return {
      query: ({ tenantId, projectId }) => sql<TaskRow[]>`
        select id, title, done from ${sql(dataset.table)}
        where tenant_id = ${tenantId} and project_id = ${projectId} order by id limit 10`,
      close: () => sql.end(),
    }
  },
  openScoped({ connectionStrings, dataset, connections, tenancy, prepare }) {
    const sql = tenantPostgres(connectionStrings.app, { tenancy, max: connections, prepare })
    return {
      query: ({ projectId }) => sql<TaskRow[]>`
        select id, title, done from ${sql(dataset.table)} where project_id = ${projectId} order by id limit 10`,
      close: () => sql.end(),
    }
  },
}

/** Both with the `prepare: true` that postgres.js has by default. Without it, it asks for types first, and takes two trips. */
export const postgresJs: Library = {
  name: 'postgres',
  title: 'postgres.js',
  ways: [
    {
      name: 'postgres-js',
      title: 'postgres.js, hand-written',
      open: (settings) => sessions.openPlain(settings),
    },
    {
      name: 'postgres-js-tenantry',
      title: 'postgres.js, Tenantry',
      reach: { '2 ms': 1.1 },
      open: (settings) => openInScope(sessions, settings, true),
    },
  ],
  furtherRoundTrips: [2],
}
