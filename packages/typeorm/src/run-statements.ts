import type { QueryRunner } from 'typeorm'

/** Runs `work` in the migration's transaction or, where it has none, in one of its own. */
export async function inTransaction<Result>(
  queryRunner: QueryRunner,
  work: () => Promise<Result>,
): Promise<Result> {
  if (queryRunner.isTransactionActive) return work()
  await queryRunner.startTransaction()
  try {
    const result = await work()
    await queryRunner.commitTransaction()
    return result
  } catch (error) {
    await queryRunner.rollbackTransaction().catch(() => {})
    throw error
  }
}

/** Runs all of them or none. */
export function runStatements(queryRunner: QueryRunner, statements: readonly string[]): Promise<void> {
  return inTransaction(queryRunner, async () => {
    for (const statement of statements) await queryRunner.query(statement)
  })
}
