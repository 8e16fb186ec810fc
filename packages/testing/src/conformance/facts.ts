/** What a library may be unable to do, and what the suite then skips. */
export const CAPABILITIES = {
  callbacks: 'queries with a callback',
  streams: 'cursors or streams',
  prepared: 'named prepared statements',
  checkout: 'holding a connection',
  counts: 'counting the connections of its pool',
  savepoints: 'nested transactions',
  isolationLevels: 'choosing an isolation level',
  readOnly: 'read-only transactions',
  severalResults: 'the rows of a text of several statements',
  firstErrors: 'the first error of a transaction whose rollback fails too',
} as const

/** One thing that a library may be unable to do. */
export type Capability = keyof typeof CAPABILITIES

/**
 * What the library under test cannot do, each with the reason, which the titles of the skipped tests repeat.
 *
 * @example
 * ```ts
 * const facts: ConformanceFacts = { streams: 'Prisma has no cursors' }
 * ```
 */
export type ConformanceFacts = { readonly [Name in Capability]?: string }
