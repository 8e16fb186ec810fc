import Cursor from 'pg-cursor'
import type { TenantPool } from '../../../src/pg/index.ts'

/** A prepared statement as the server has it. */
export interface ServerStatement {
  readonly name: string
  readonly statement: string
}

/** The statements that the server holds for the one connection of a pool with `max: 1`, oldest first. */
export async function preparedOn(pool: TenantPool): Promise<ServerStatement[]> {
  const client = await pool.connect()
  try {
    // Through a cursor, which leaves no trace among them.
    const cursor = client.query(
      new Cursor<ServerStatement>(
        'select name, statement from pg_prepared_statements order by prepare_time, name',
      ),
    )
    const rows = await cursor.read(1_000)
    await cursor.close()
    return rows
  } finally {
    client.release()
  }
}

/** The same without the prelude. */
export async function userStatementsOn(pool: TenantPool): Promise<string[]> {
  const statements = await preparedOn(pool)
  return statements.map(({ statement }) => statement).filter((text) => !text.includes('set_config('))
}
