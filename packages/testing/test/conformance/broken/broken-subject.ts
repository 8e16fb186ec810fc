import type { ConformanceHarness, OpenOptions } from '../../../src/conformance/index.ts'
import type { ReferenceCheckout } from '../reference-checkout.ts'
import { ReferenceSubject } from '../reference-subject.ts'

/** The groups of the suite, by short names. */
export const GROUPS = {
  reads: 'isolation of reads',
  writes: 'isolation of writes',
  blindWrites: 'isolation of blind writes',
  failsClosed: 'failing closed',
  transactions: 'transactions',
  savepoints: 'savepoints',
  nesting: 'nested scopes and held connections',
  contention: 'more tenants than connections',
  lostConnections: 'connections that are lost or interrupted',
  poisoning: 'connections after failures',
  streams: 'streams and cursors',
  prepared: 'prepared statements',
  hostile: 'hostile ids and values',
  system: 'system access and its audit',
  leftBehind: 'settings left behind',
} as const

export type GroupName = keyof typeof GROUPS

/** The reference with one thing done wrong, as seen in real libraries. */
export interface BrokenSubject {
  /** What it does, after "a subject that …". */
  readonly flaw: string
  /** The groups that must notice. */
  readonly fails: readonly GroupName[]
  /** Whether tests that hang count as failed: it loses connections, or tells nobody. */
  readonly hangs: boolean
  readonly open: (options: OpenOptions) => ReferenceSubject
}

/** The harness of a broken subject. */
export function brokenHarness({ flaw, open }: BrokenSubject): ConformanceHarness {
  return { name: `a subject that ${flaw}`, open }
}

/** A broken subject that differs from the reference in its checkouts. */
export function brokenCheckout(
  flaw: string,
  fails: readonly GroupName[],
  Checkout: new (...given: ConstructorParameters<typeof ReferenceCheckout>) => ReferenceCheckout,
  hangs = false,
): BrokenSubject {
  class Subject extends ReferenceSubject {
    protected override makeCheckout(
      ...[client, scope]: Parameters<ReferenceSubject['makeCheckout']>
    ): ReferenceCheckout {
      return new Checkout(this.options.tenancy, client, scope)
    }
  }
  return brokenSubject(flaw, fails, Subject, hangs)
}

/** A broken subject that differs from the reference in itself. */
export function brokenSubject(
  flaw: string,
  fails: readonly GroupName[],
  Subject: new (options: OpenOptions) => ReferenceSubject,
  hangs = false,
): BrokenSubject {
  return { flaw, fails, hangs, open: (options) => new Subject(options) }
}
