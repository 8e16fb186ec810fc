import type { Phase, Risk, Step } from './plan.ts'

/** What a step about access is made of; what is left out is as it mostly is: one transaction, no lock on a table. */
export interface AccessStep {
  readonly id: string
  readonly phase: Phase
  readonly statements: readonly string[]
  readonly undo: readonly string[]
  readonly reason: string
  readonly lock?: Risk['lock']
  readonly note?: string
}

/** A step in one transaction that neither reads nor writes rows. */
export function accessStep({ lock = null, note, ...step }: AccessStep): Step {
  return {
    ...step,
    transaction: true,
    risk: { lock, rewrites: false, scans: false, note: note ?? null },
  }
}
