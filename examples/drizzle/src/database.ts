import { connect, type Database } from './node-postgres.ts'

export type { Database }

/**
 * Opens the database as the API's own role, after asking the server whether companies are kept apart in it.
 *
 * @throws UnsafeDatabaseError with everything that is wrong
 */
export async function openDatabase(url: string): Promise<Database> {
  const db = connect(url)
  try {
    await db.$client.verify()
  } catch (error) {
    await db.$client.end()
    throw error
  }
  return db
}
