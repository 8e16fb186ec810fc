import type { Index, Table } from '../catalogue/catalogue.ts'
import { identifier, literal, ownName, qualified } from '../identifiers.ts'
import { createUniqueIndex } from './index-definition.ts'
import type { KeyChange } from './key-changes.ts'
import { constraintExists } from './sql-blocks.ts'
import { deepestFirst, leavesOf } from './tenant-path.ts'

/** A leaf, and the index on it that is to become a part of the partitioned table's. */
export interface LeafIndex {
  readonly leaf: Table
  readonly name: string
  /** Whether it is there and valid, by itself or as a part of the whole already. */
  readonly exists: boolean
  /** Whether it is there by itself. */
  readonly alone: boolean
}

/**
 * The indexes that the leaves of a partitioned table get beforehand, one after the other and without blocking writes: the
 * index of the whole then takes them for its parts, instead of building them all under one lock.
 */
export function leafIndexes({ table, owner, name: whole, wanted }: KeyChange): readonly LeafIndex[] {
  return leavesOf(table, owner.partitions)
    .filter(({ kind }) => kind === 'table')
    .map((leaf) => {
      // After the new index, not the old one: one old key of shared and own rows becomes two.
      const name = ownName(whole.replace(/^tenantry_/, ''), leaf.name)
      const usable = leaf.indexes.filter(
        (index) =>
          index.unique &&
          index.valid &&
          index.body === wanted.body &&
          (index.inherited || index.name === name),
      )
      return { leaf, name, exists: usable.length > 0, alone: usable.some(({ inherited }) => !inherited) }
    })
}

/** The indexes of leaves that an earlier plan built, anew: they became parts of the whole, and went with it. */
export function rebuildLeaves(change: KeyChange): readonly string[] {
  return leafIndexes(change)
    .filter(({ alone }) => alone)
    .map(({ leaf, name }) => createUniqueIndex(name, leaf, change.wanted))
}

/**
 * Builds an index or a constraint of a partitioned table as it was, parts first, so that they keep their names.
 *
 * @returns Statements that are to be run only if it is not there.
 */
export function rebuildPartitioned(
  table: Table,
  partitions: readonly Table[],
  index: Index,
): readonly string[] {
  const parts = deepestFirst(table, partitions).flatMap((partition) => {
    const part = partition.indexes.find((other) => isPartOf(other, index))
    return part ? [rebuild(partition, part)] : []
  })
  return [...parts, rebuild(table, index)]
}

/** Whether the index of a partition belongs to that of the partitioned table, or to one that is the same. */
export function isPartOf(part: Index, whole: Index): boolean {
  return (
    part.inherited &&
    part.unique === whole.unique &&
    part.body === whole.body &&
    part.constraint?.type === whole.constraint?.type
  )
}

/** The index or constraint of one table as it was, by itself. */
export function rebuild(table: Table, index: Index): string {
  return index.constraint
    ? `ALTER TABLE ${qualified(table)} ADD CONSTRAINT ${identifier(index.constraint.name)} ${index.constraint.definition}`
    : createUniqueIndex(index.name, table, index)
}

/** Whether an index or constraint is missing, as a condition. */
export function isMissing(table: Table, index: Index): string {
  return index.constraint
    ? `NOT ${constraintExists(table, index.constraint.name)}`
    : `to_regclass(${literal(qualified({ schema: table.schema, name: index.name }))}) IS NULL`
}
