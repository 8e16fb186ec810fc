import type { Table } from '../catalogue/catalogue.ts'
import { sameName } from '../identifiers.ts'
import type { ResolvedTable } from '../model/resolved-tenancy.ts'
import { indexName, servesColumns } from './index-columns.ts'
import { keyChanges } from './key-changes.ts'
import type { PlanContext } from './plan.ts'

/** An index that a table of tenants lacks, to be built from the first part to the last. */
export interface MissingIndex {
  readonly model: ResolvedTable
  /** The tenant column first. */
  readonly columns: readonly string[]
  /** Whether the model asks for it. Otherwise it is the one that every tenant table needs. */
  readonly declared: boolean
  /** One for a table; for a partitioned one those of its partitions first, then what holds them together. */
  readonly parts: readonly IndexPart[]
}

export interface IndexPart {
  readonly table: Table
  readonly name: string
  /** Whether the table is partitioned, so that the index has no entries of its own. */
  readonly parent: boolean
  /** Whether it is there by itself, from a plan that was cut off before the whole took it for its part. */
  readonly alone: boolean
}

/** The indexes that are missing once keys are as they shall be. */
export function missingIndexes(context: PlanContext): readonly MissingIndex[] {
  return context.tenancy.tenantTables.flatMap((model) =>
    wantedIndexes(model).flatMap(({ columns, declared }) => {
      const parts = missingParts(context, model, columns)
      return parts.length === 0 ? [] : [{ model, columns, declared, parts }]
    }),
  )
}

/** Whether one of the keys that the plan makes is such an index, or will be. */
export function servedByNewKey(context: PlanContext, table: Table, wanted: readonly string[]): boolean {
  return keyChanges(context).some(
    (change) =>
      change.table === table &&
      servesColumns({ ...change.wanted, partial: change.wanted.predicate !== null, valid: true }, wanted),
  )
}

/** The declared shapes, without those that another one begins with; else the tenant alone. */
export function wantedIndexes({
  column,
  queries,
}: ResolvedTable): readonly Pick<MissingIndex, 'columns' | 'declared'>[] {
  const shapes = queries.map((query) => [column, ...query.filter((other) => other !== column)])
  const longest = shapes.filter(
    (shape, position) =>
      !shapes.some(
        (other, otherPosition) =>
          other !== shape &&
          shape.every((name, place) => other[place] === name) &&
          // Of two equal ones the first.
          (other.length > shape.length || otherPosition < position),
      ),
  )
  return longest.length > 0
    ? longest.map((columns) => ({ columns, declared: true }))
    : [{ columns: [column], declared: false }]
}

function missingParts(
  context: PlanContext,
  { table, partitions }: ResolvedTable,
  wanted: readonly string[],
): readonly IndexPart[] {
  const isServed = (relation: Table): boolean =>
    relation.indexes.some((index) => servesColumns(index, wanted)) ||
    servedByNewKey(context, relation, wanted)
  if (isServed(table)) return []
  const part = (relation: Table): IndexPart => ({
    table: relation,
    name: indexName(relation, wanted),
    parent: relation.kind === 'partitioned',
    alone: relation.indexes.some(
      (index) => servesColumns(index, wanted) && index.name === indexName(relation, wanted),
    ),
  })
  const leaves = partitions.filter(({ kind }) => kind !== 'partitioned')
  // An index of the whole would take in an equal one of a partition, which could then not be dropped by itself any more.
  if (leaves.some((leaf) => isServedByOther(leaf, wanted))) {
    return leaves.filter((leaf) => !isServed(leaf)).map(part)
  }
  return [
    ...partitions.toSorted((left, right) => depth(partitions, right) - depth(partitions, left)),
    table,
  ].map(part)
}

/** By one that is not the part of this very index that was built before the plan was cut off. */
function isServedByOther(leaf: Table, wanted: readonly string[]): boolean {
  return leaf.indexes.some((index) => servesColumns(index, wanted) && index.name !== indexName(leaf, wanted))
}

function depth(partitions: readonly Table[], table: Table): number {
  const parent = partitions.find(
    ({ schema, name }) => table.partitionOf && sameName(table.partitionOf, { schema, name }),
  )
  return parent ? 1 + depth(partitions, parent) : 0
}
