// Starts PostgreSQL by whatever way there is, and says which, or why there is none.
import { startPostgres } from '../../../src/postgres/start-postgres.ts'

try {
  const server = await startPostgres()
  console.log(JSON.stringify({ provider: server.provider }))
  await server.stop()
} catch (error) {
  console.log(JSON.stringify({ code: (error as { code?: string }).code, message: (error as Error).message }))
}
