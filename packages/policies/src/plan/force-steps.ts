import type { Table } from '../catalogue/catalogue.ts'
import { displayName, literal, qualified, sameName } from '../identifiers.ts'
import { accessStep } from './access-step.ts'
import { tablesReadByBackfill } from './backfill-tables.ts'
import type { PlanContext, Step } from './plan.ts'
import { bypassesRowSecurity } from './role-reach.ts'
import { doIf } from './sql-blocks.ts'
import { tenantRelations } from './tenant-relations.ts'

/**
 * Under FORCE, policies apply to the owner too: a backfill that it runs finds no row, and says nothing. So it is lifted from
 * the tables that a backfill touches, and {@link forceSteps} brings it back.
 */
export function liftForceSteps(context: PlanContext): readonly Step[] {
  const lifted = liftedTables(context)
  const again = heldBack(context).filter((table) => !lifted.includes(table))
  const steps = lifted.map((table) =>
    accessStep({
      id: `${displayName(table)}: lift force`,
      phase: 'expand',
      statements: [`ALTER TABLE ${qualified(table)} NO FORCE ROW LEVEL SECURITY`],
      undo: [`ALTER TABLE ${qualified(table)} FORCE ROW LEVEL SECURITY`],
      reason:
        `The backfill runs as ${context.tenancy.catalogue.currentRole}, whom policies on ${displayName(table)} hold back ` +
        'under FORCE: it would change no row, without an error. It is forced again at the end.',
      lock: { mode: 'ACCESS EXCLUSIVE', tables: [displayName(table)] },
      note: 'Until it is forced again, whoever signs in as the owner of this table sees all tenants.',
    }),
  )
  return again.length === 0 ? steps : [...steps, liftAgainStep(again)]
}

/** A plan may be run again from its beginning when it was cut off near its end, after it had forced these tables itself. */
function liftAgainStep(tables: readonly Table[]): Step {
  return accessStep({
    id: 'row security: lift force again',
    phase: 'expand',
    statements: tables.map((table) => {
      const name = qualified(table)
      const forced = `EXISTS (SELECT FROM pg_class WHERE oid = to_regclass(${literal(name)}) AND relforcerowsecurity)`
      return doIf(forced, [`ALTER TABLE ${name} NO FORCE ROW LEVEL SECURITY`])
    }),
    undo: [],
    reason:
      'If this plan is run again from its beginning, its backfill has to find the rows again. The first time it does nothing.',
  })
}

/** FORCE on every table with rows of tenants, and on its partitions. */
export function forceSteps(context: PlanContext): readonly Step[] {
  const lifted = liftedTables(context)
  return tenantRelations(context.tenancy)
    .map(({ table }) => table)
    .filter((table) => !table.forceRowSecurity || lifted.some((other) => sameName(other, table)))
    .map((table) =>
      accessStep({
        id: `${displayName(table)}: force`,
        phase: 'contract',
        statements: [`ALTER TABLE ${qualified(table)} FORCE ROW LEVEL SECURITY`],
        undo: [`ALTER TABLE ${qualified(table)} NO FORCE ROW LEVEL SECURITY`],
        reason: `Without FORCE, policies on ${displayName(table)} hold for everybody but its owner, and so not in what runs as the owner: views and SECURITY DEFINER functions.`,
        lock: { mode: 'ACCESS EXCLUSIVE', tables: [displayName(table)] },
        note:
          'From here on the owner sees no row of it, without an error: what still signs in as the owner stops working, ' +
          'and later backfills need NO FORCE around them or a role with BYPASSRLS.',
      }),
    )
}

function liftedTables(context: PlanContext): readonly Table[] {
  return heldBack(context).filter(({ forceRowSecurity }) => forceRowSecurity)
}

/** The tables of a backfill that does not run as a role which policies let through. */
function heldBack(context: PlanContext): readonly Table[] {
  const { catalogue } = context.tenancy
  return bypassesRowSecurity(catalogue, catalogue.currentRole) ? [] : tablesReadByBackfill(context)
}
