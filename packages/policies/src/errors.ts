import type { Problem } from './problem.ts'

/** Every code a {@link TenantryError} of this package can carry. Each has a heading of its own in docs/errors.md. */
export const POLICY_ERROR_CODES = [
  'INVALID_TENANCY',
  'CATALOGUE_UNREADABLE',
  'TENANCY_DOES_NOT_FIT',
  'PLAN_BLOCKED',
  'PLAN_FAILED',
  'RENDERING_UNSUPPORTED',
  'INVALID_TENANT_ID',
  'TENANT_EXISTS',
  'TENANT_NOT_FOUND',
  'TENANT_MISMATCH',
  'TRANSACTION_LOST',
  'OFFBOARDING_REFUSED',
  'OFFBOARDING_INCOMPLETE',
] as const

/** The stable name of one kind of error of this package. */
export type PolicyErrorCode = (typeof POLICY_ERROR_CODES)[number]

// The marker of @tenantry/core, which this package does not import: `TenantryError.isInstance` of either knows both.
const marker = Symbol.for('@tenantry/core/error')

/** What a {@link TenantryError} is made of. */
export interface TenantryErrorOptions {
  readonly code: PolicyErrorCode
  /** What is wrong, why, and what to do next. */
  readonly message: string
  /** Everything that was found, where the error stands for several things at once. */
  readonly problems?: readonly Problem[]
  /** The error underneath, where there is one. */
  readonly cause?: unknown
}

/**
 * Every error that this package itself raises. Errors of PostgreSQL and of the driver pass through untouched, or are
 * the `cause`.
 *
 * @example
 * ```ts no-run
 * try {
 *   planTenancy(tenancy, catalogue)
 * } catch (error) {
 *   if (TenantryError.isInstance(error)) for (const { message, fix } of error.problems) console.error(message, fix)
 * }
 * ```
 */
export class TenantryError extends Error {
  override readonly name: string = 'TenantryError'
  /** Stable: changes only with a major version. */
  readonly code: PolicyErrorCode
  /** Everything that was found, in the order of the tables; empty where the message says it all. */
  readonly problems: readonly Problem[]

  constructor(options: TenantryErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = options.code
    this.problems = options.problems ?? []
    Object.defineProperty(this, marker, { value: true })
  }

  /** Whether `error` was made by Tenantry, whichever package or copy of it made it. */
  static isInstance(error: unknown): error is TenantryError {
    return typeof error === 'object' && error !== null && (error as Record<symbol, unknown>)[marker] === true
  }
}
