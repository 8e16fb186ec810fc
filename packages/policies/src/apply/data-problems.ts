import { qualified, type QualifiedName } from '../identifiers.ts'
import type { DataCheck, Plan } from '../plan/plan.ts'
import type { Problem } from '../problem.ts'
import type { Query } from '../query.ts'
import { messageOf, sqlState } from '../session/database-error.ts'
import { setLocally } from '../session/settings.ts'
import { savepoint, transaction, undone, within } from '../session/transaction.ts'
import { mentions } from './mentions.ts'

/** Options of {@link dataProblems}. */
export interface DataProblemsOptions {
  readonly joins: boolean
  /** Milliseconds for which a check may keep a table locked that it has to see past FORCE. */
  readonly lockTimeout: number
}

/**
 * What the plan's checks find. With `row_security = off`, under which PostgreSQL refuses a query that a policy would
 * narrow, instead of answering "no such rows" about rows that it hides.
 */
export async function dataProblems(
  query: Query,
  plan: Plan,
  options: DataProblemsOptions,
): Promise<readonly Problem[]> {
  const { checks } = plan
  if (checks.length === 0) return []
  const found = new Map<DataCheck, readonly Problem[]>()
  // One snapshot for all, so that what they say belongs together.
  const bracket = options.joins ? savepoint : transaction('ISOLATION LEVEL REPEATABLE READ READ ONLY')
  await within(query, undone(bracket), async () => {
    await setLocally(query, { row_security: 'off', statement_timeout: '0' })
    for (const check of checks) {
      const answer = await within(query, undone(savepoint), () => ask(query, check)).catch(unlessRefused)
      if (answer) found.set(check, answer)
    }
  })
  for (const check of checks) {
    if (!found.has(check)) found.set(check, await askPastForce(query, plan, check, options))
  }
  return checks.flatMap((check) => found.get(check) ?? [])
}

function unlessRefused(error: unknown): undefined {
  if (sqlState(error) !== '42501') throw error
}

async function ask(query: Query, check: DataCheck): Promise<readonly Problem[]> {
  // As text, so that the answer does not depend on how a driver reads bigint and arrays.
  const { rows } = await query(
    `SELECT "check".count::text AS count, array_to_json("check".examples)::text AS examples\nFROM (${check.sql}) AS "check"`,
  )
  const count = Number(rows[0]?.['count'] ?? 0)
  if (count === 0) return []
  const listed = rows[0]?.['examples']
  const examples = (typeof listed === 'string' ? JSON.parse(listed) : null) as readonly string[] | null
  const { code, object, message, fix } = check
  return [{ code, object, message, fix, rows: { count, examples: examples ?? [] } }]
}

/**
 * The owner of a table does not see past its FORCE. Lifting that is part of a transaction that is rolled back: nobody
 * else ever sees the table without. It locks the table until then, in a database in use for no longer than a step may.
 */
async function askPastForce(
  query: Query,
  plan: Plan,
  check: DataCheck,
  { joins, lockTimeout }: DataProblemsOptions,
): Promise<readonly Problem[]> {
  const forced = (await ownForcedTables(query)).filter((table) => mentions(check.sql, table))
  try {
    return await within(query, undone(joins ? savepoint : transaction()), async () => {
      await setLocally(query, {
        row_security: 'off',
        lock_timeout: plan.shape === 'online' ? String(lockTimeout) : '0',
        statement_timeout: plan.shape === 'online' ? String(lockTimeout) : '0',
      })
      for (const table of forced) await query(`ALTER TABLE ${qualified(table)} NO FORCE ROW LEVEL SECURITY`)
      return await ask(query, check)
    })
  } catch (error) {
    switch (sqlState(error)) {
      case '42501':
        return [
          {
            code: 'MISSING_PRIVILEGE',
            object: check.object,
            message: `Its rows cannot be checked, because the current role does not see all of them: ${messageOf(error)}.`,
            fix: 'Apply the plan as the owner of the tables, or as a role with BYPASSRLS that has the privileges of their owner.',
          },
        ]
      case '55P03':
      case '57014':
        return [
          {
            code: 'MISSING_PRIVILEGE',
            object: check.object,
            message: `Its rows cannot be checked within ${lockTimeout} ms: FORCE ROW LEVEL SECURITY hides them from the current role, and seeing past that locks the table.`,
            fix: 'Apply the plan as a role with BYPASSRLS that has the privileges of the tables’ owner, which needs no lock; or with a longer lockTimeout, at a quiet time.',
          },
        ]
      default:
        throw error
    }
  }
}

async function ownForcedTables(query: Query): Promise<readonly QualifiedName[]> {
  const { rows } = await query(
    `SELECT namespace.nspname::text AS schema, class.relname::text AS name
FROM pg_catalog.pg_class class JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
WHERE class.relkind IN ('r', 'p') AND class.relrowsecurity AND class.relforcerowsecurity
  AND pg_has_role(class.relowner, 'USAGE')
ORDER BY 1, 2`,
  )
  return rows.map((row) => ({ schema: String(row['schema']), name: String(row['name']) }))
}
