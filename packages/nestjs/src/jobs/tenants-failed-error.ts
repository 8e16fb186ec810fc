/** One tenant for which a job failed. */
export interface TenantFailure {
  readonly tenantId: string
  readonly error: unknown
}

/** Thrown at the end by a method with `@ForTenants` that failed for some tenants. It ran for all the others. */
export class TenantsFailedError extends AggregateError {
  override readonly name = 'TenantsFailedError'
  /** Which tenants, and why; in the order in which they failed. */
  readonly failures: readonly TenantFailure[]

  constructor(method: string, tenants: number, failures: readonly TenantFailure[]) {
    // Loggers print a message but not the errors that an AggregateError has.
    const lines = failures.map(({ tenantId, error }) => `  ${tenantId}: ${String(error)}`)
    super(
      failures.map(({ error }) => error),
      `${method} failed for ${failures.length} of ${tenants} tenants:\n${lines.join('\n')}`,
    )
    this.failures = failures
  }
}
