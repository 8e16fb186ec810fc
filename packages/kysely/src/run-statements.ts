import { sql, type Kysely } from 'kysely'

/** Runs all of them or none: in the migrator's transaction or, where it has none, in one of their own. */
export async function runStatements<Database>(
  db: Kysely<Database>,
  statements: readonly string[],
): Promise<void> {
  if (!db.isTransaction) {
    await db.transaction().execute((transaction) => runStatements(transaction, statements))
    return
  }
  for (const statement of statements) await sql.raw(statement).execute(db)
}
