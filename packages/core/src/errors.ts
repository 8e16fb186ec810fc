/**
 * Every code a {@link TenantryError} can carry. Each has a heading of its own in docs/errors.md.
 */
export const ERROR_CODES = [
  'TENANT_REQUIRED',
  'INVALID_TENANT_ID',
  'INVALID_SETTING',
  'INVALID_CONFIG',
  'TENANT_MISMATCH',
  'TENANT_ALREADY_ASSIGNED',
  'DEFERRED_SCOPE_REQUIRED',
  'SYSTEM_REASON_REQUIRED',
  'SYSTEM_POOL_REQUIRED',
  'CLIENT_NOT_CHECKED_OUT',
  'CLIENT_RELEASED',
  'CONNECTION_DESYNCHRONISED',
  'TRANSACTION_CONTROL_REFUSED',
  'COPY_NEEDS_TRANSACTION',
  'COPY_FROM_UNSUPPORTED',
  'TRANSACTION_ABORTED',
  'UNSUPPORTED_DRIVER',
  'UNSAFE_DATABASE',
  'POSTGRES_UNAVAILABLE',
] as const

/** The stable name of one kind of {@link TenantryError}, for `switch` and for looking it up in docs/errors.md. */
export type TenantryErrorCode = (typeof ERROR_CODES)[number]

// A registered symbol, because `instanceof` fails between the ESM and the CommonJS build, and between two versions.
const marker = Symbol.for('@tenantry/core/error')

/** What a {@link TenantryError} is made of. */
export interface TenantryErrorOptions {
  readonly code: TenantryErrorCode
  /** What is wrong, why, and what to do next. */
  readonly message: string
  /** The error underneath, where there is one. */
  readonly cause?: unknown
}

/**
 * Every error that Tenantry itself raises. Errors of PostgreSQL and of the driver pass through untouched.
 *
 * @example
 * ```ts
 * try {
 *   await pool.query('select * from projects')
 * } catch (error) {
 *   if (TenantryError.isInstance(error) && error.code === 'TENANT_REQUIRED') {
 *     // nobody said for which tenant this query is
 *   }
 *   throw error
 * }
 * ```
 */
export class TenantryError extends Error {
  override readonly name: string = 'TenantryError'
  /** Stable: changes only with a major version. */
  readonly code: TenantryErrorCode

  constructor(options: TenantryErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = options.code
    Object.defineProperty(this, marker, { value: true })
  }

  /**
   * Whether `error` was made by Tenantry, whichever copy of the package made it.
   * Prefer it to `instanceof`, which is false between the ESM and the CommonJS build.
   */
  static isInstance(error: unknown): error is TenantryError {
    return typeof error === 'object' && error !== null && (error as Record<symbol, unknown>)[marker] === true
  }
}

/** A statement or `tenancy.tenantId()` without a tenant. Code `TENANT_REQUIRED`. */
export class TenantRequiredError extends TenantryError {
  override readonly name = 'TenantRequiredError'

  constructor(message: string) {
    super({ code: 'TENANT_REQUIRED', message })
  }
}

/** A tenant id that is not of the declared type. Code `INVALID_TENANT_ID`. */
export class InvalidTenantIdError extends TenantryError {
  override readonly name = 'InvalidTenantIdError'

  constructor(message: string, cause?: unknown) {
    super({ code: 'INVALID_TENANT_ID', message, cause })
  }
}

/** A client or transaction of one scope used in another. Code `TENANT_MISMATCH`. */
export class TenantMismatchError extends TenantryError {
  override readonly name = 'TenantMismatchError'

  constructor(message: string) {
    super({ code: 'TENANT_MISMATCH', message })
  }
}

/** `asSystem` with a pool that has no system credentials. Code `SYSTEM_POOL_REQUIRED`. */
export class SystemPoolRequiredError extends TenantryError {
  override readonly name = 'SystemPoolRequiredError'

  constructor(message: string) {
    super({ code: 'SYSTEM_POOL_REQUIRED', message })
  }
}
