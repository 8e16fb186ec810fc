import type { Catalogue, Sequence, Table } from '../catalogue/catalogue.ts'
import { sameName } from '../identifiers.ts'

/** A sequence that fills a column of a table. */
export interface UsedSequence {
  readonly sequence: Sequence
  /** Whether an INSERT needs a right on it: it does, unless the column is an identity. */
  readonly needsUsage: boolean
}

/** The sequences behind the defaults and identities of a table's columns. */
export function sequencesOf(catalogue: Catalogue, table: Table): readonly UsedSequence[] {
  return catalogue.sequences.flatMap((sequence) => {
    const columns = sequence.usedBy.filter((column) => sameName(column, table))
    if (columns.length === 0) return []
    const { ownedBy } = sequence
    const isIdentity = (column: string): boolean =>
      ownedBy?.identity === true && sameName(ownedBy, table) && ownedBy.column === column
    return [{ sequence, needsUsage: columns.some(({ column }) => !isIdentity(column)) }]
  })
}
