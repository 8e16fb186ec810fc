import { afterEach, describe, expect, test } from 'vitest'
import type { LockMode } from '../../../src/plan/plan.ts'
import type { Query } from '../../../src/query.ts'
import type { OpenDatabase } from '../../support/open-database.ts'
import { openSchema, schemas } from './support/schemas.ts'
import { planFor } from './support/scenario.ts'

let database: OpenDatabase
afterEach(() => database.close())

const modes: readonly LockMode[] = [
  'ACCESS SHARE',
  'ROW SHARE',
  'ROW EXCLUSIVE',
  'SHARE UPDATE EXCLUSIVE',
  'SHARE',
  'SHARE ROW EXCLUSIVE',
  'EXCLUSIVE',
  'ACCESS EXCLUSIVE',
]

/** What the transaction that is open holds on tables other than the system's, strongest first. */
async function locksHeld(query: Query): Promise<readonly { table: string; mode: LockMode }[]> {
  const { rows } = await query(`
    SELECT nspname || '.' || relname AS table, replace(regexp_replace(mode, 'Lock$', ''), 'Exclusive', 'EXCLUSIVE') AS mode
    FROM pg_locks JOIN pg_class ON pg_class.oid = relation JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE pid = pg_backend_pid() AND locktype = 'relation' AND relkind IN ('r', 'p')
      AND nspname NOT IN ('pg_catalog', 'information_schema')`)
  return rows
    .map(({ table, mode }) => ({ table: String(table), mode: spoken(String(mode)) }))
    .toSorted((left, right) => modes.indexOf(right.mode) - modes.indexOf(left.mode))
}

function spoken(mode: string): LockMode {
  const words = mode.replaceAll('EXCLUSIVE', 'Exclusive').replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ')
  return words.toUpperCase() as LockMode
}

describe.each(['offline', 'online'] as const)('%s', (shape) => {
  const cases = schemas.filter(({ slug }) =>
    ['levels', 'unique', 'exclusion', 'actions', 'partitioned', 'inherits'].includes(slug),
  )
  test.each(cases)('steps lock what they say: $name', async (schema) => {
    database = await openSchema(schema)
    const plan = await planFor(database.owner, schema.model, shape)
    for (const { id, statements, transaction, risk } of plan.steps) {
      if (transaction) await database.owner('BEGIN')
      for (const statement of statements) await database.owner(statement)
      if (!transaction) continue
      const held = await locksHeld(database.owner)
      await database.owner('COMMIT')
      if (risk.lock === null) continue
      expect({ id, mode: held[0]?.mode }).toEqual({ id, mode: risk.lock.mode })
      const blocking = held.filter(
        ({ mode }) => modes.indexOf(mode) >= modes.indexOf('SHARE UPDATE EXCLUSIVE'),
      )
      const unsaid = blocking.map(({ table }) => table).filter((table) => !risk.lock?.tables.includes(table))
      expect({ id, unsaid }).toEqual({ id, unsaid: [] })
    }
  })
})
