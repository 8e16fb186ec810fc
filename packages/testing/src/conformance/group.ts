import type { Bench } from './bench.ts'
import type { Capability } from './facts.ts'

/** One claim about the library under test. */
export interface Claim {
  /** A sentence that is the contract: true of every library that passes. */
  readonly title: string
  /** What the library must be able to do for the claim to mean anything. */
  readonly needs: readonly Capability[]
  /** Proves the claim, or throws. */
  readonly prove: (bench: Bench) => Promise<void>
}

/** The claims about one subject. */
export interface ConformanceGroup {
  readonly title: string
  readonly claims: readonly Claim[]
}

/** States a claim. */
export function claim(title: string, prove: Claim['prove']): Claim
export function claim(title: string, needs: readonly Capability[], prove: Claim['prove']): Claim
export function claim(
  title: string,
  ...rest: [Claim['prove']] | [needs: readonly Capability[], prove: Claim['prove']]
): Claim {
  const [needs, prove] = rest.length === 1 ? [[], rest[0]] : rest
  return { title, needs, prove }
}
