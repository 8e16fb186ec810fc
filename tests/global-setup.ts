import type { TestProject } from 'vitest/node'
import { startPostgres, type TestPostgres } from '../packages/testing/src/index.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** A superuser's connection string to the database `postgres` of the server that this run started. */
    postgresUrl: string
  }
}

// Vitest loads this file anew for every project that needs the server, and so it is kept here, for all of them.
const shared = globalThis as { tenantryTestPostgres?: Promise<TestPostgres> }

/** Starts PostgreSQL once a run, and only in a run of tests that need it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  shared.tenantryTestPostgres ??= startPostgres()
  const server = await shared.tenantryTestPostgres
  project.provide('postgresUrl', server.url)
  return async () => {
    if (!shared.tenantryTestPostgres) return
    delete shared.tenantryTestPostgres
    await server.stop()
  }
}
