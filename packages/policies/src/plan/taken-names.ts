import type { Table } from '../catalogue/catalogue.ts'
import { displayName, identifier, qualified } from '../identifiers.ts'
import type { Problem } from '../problem.ts'
import { foreignKeyChanges } from './foreign-key-changes.ts'
import { keyChanges } from './key-changes.ts'
import type { PlanContext } from './plan.ts'

/**
 * Names beginning with `tenantry_` are ours, and steps take an object of such a name for the one that they made before.
 * Where one is something else, the plan would leave a key out or fail late, so that it is not made at all.
 */
export function takenNames(context: PlanContext): readonly Problem[] {
  return [
    ...keyChanges(context)
      .filter(({ existing }) => !existing)
      .flatMap(({ table, name }) => [
        ...relationCalled(context, table, name),
        ...otherConstraint(table, name, 'foreign key or check'),
      ]),
    ...foreignKeyChanges(context)
      .filter(({ existing }) => !existing)
      .flatMap(({ table, name }) => otherConstraint(table, name, 'key or check')),
  ]
}

/** Indexes share their names with tables, views and sequences of the schema. */
function relationCalled(
  { tenancy: { catalogue } }: PlanContext,
  { schema }: Table,
  name: string,
): readonly Problem[] {
  const relations = { table: catalogue.tables, view: catalogue.views, sequence: catalogue.sequences }
  const [found] = Object.entries(relations).filter(([, list]) =>
    list.some((relation) => relation.schema === schema && relation.name === name),
  )
  if (!found) return []
  const [kind] = found
  const object = { schema, name }
  return [
    {
      code: 'NAME_TAKEN',
      object: displayName(object),
      message: `The plan gives an index the name ${name}, which a ${kind} of schema ${schema} has.`,
      fix: `ALTER ${kind.toUpperCase()} ${qualified(object)} RENAME TO …`,
    },
  ]
}

function otherConstraint(
  table: Table,
  name: string,
  other: 'foreign key or check' | 'key or check',
): readonly Problem[] {
  const taken =
    table.checks.some((check) => check.name === name) ||
    (other === 'key or check'
      ? table.indexes.some(({ constraint }) => constraint?.name === name)
      : table.foreignKeys.some((foreignKey) => foreignKey.name === name))
  if (!taken) return []
  return [
    {
      code: 'NAME_TAKEN',
      object: displayName(table),
      message: `The plan gives a constraint of ${displayName(table)} the name ${name}, which a ${other} of it has.`,
      fix: `ALTER TABLE ${qualified(table)} RENAME CONSTRAINT ${identifier(name)} TO …`,
    },
  ]
}
