import type { LockMode, Phase, Step } from './plan.ts'
import { displayName, type QualifiedName } from '../identifiers.ts'

/** What a step about rows, keys and columns is made of; what is left out is as it mostly is. */
export interface DataStep {
  readonly id: string
  readonly phase: Phase
  readonly statements: readonly string[]
  readonly undo: readonly string[]
  readonly reason: string
  readonly lock: LockMode
  readonly tables: readonly QualifiedName[]
  /** False for what PostgreSQL refuses inside of a transaction. */
  readonly transaction?: boolean
  readonly scans?: boolean
  readonly rewrites?: boolean
  readonly note?: string | undefined
}

export function dataStep(step: DataStep): Step {
  const { id, phase, statements, undo, reason, lock, tables, note } = step
  return {
    id,
    phase,
    statements,
    transaction: step.transaction ?? true,
    reason,
    risk: {
      lock: { mode: lock, tables: [...new Set(tables.map((table) => displayName(table)))] },
      rewrites: step.rewrites ?? false,
      scans: step.scans ?? false,
      note: note ?? null,
    },
    undo,
  }
}

/** Of several remarks those that apply, as one text; undefined if none does. */
export function remarks(...sentences: readonly (string | false | undefined)[]): string | undefined {
  const said = sentences.filter((sentence) => typeof sentence === 'string')
  return said.length > 0 ? said.join(' ') : undefined
}
