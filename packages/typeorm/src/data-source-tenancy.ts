import { TenantryError, type Tenancy } from '@tenantry/core'
import type { DataSource } from 'typeorm'

const tenancies = new WeakMap<DataSource, Tenancy>()

/** Remembers which tenancy the statements of a data source are scoped by. */
export function setTenancy(dataSource: DataSource, tenancy: Tenancy): void {
  tenancies.set(dataSource, tenancy)
}

/** Whether a data source has a tenancy, so that no statement of it runs without a scope. */
export function hasTenancy(dataSource: unknown): boolean {
  return tenancies.has(dataSource as DataSource)
}

/**
 * The tenancy that a data source was made with.
 * @throws TenantryError `INVALID_CONFIG` for a data source without one
 */
export function tenancyOf(dataSource: DataSource): Tenancy {
  const tenancy = tenancies.get(dataSource)
  if (tenancy !== undefined) return tenancy
  throw new TenantryError({
    code: 'INVALID_CONFIG',
    message:
      'This data source is not scoped by tenant, so that there is no telling whose an entity is. ' +
      'Make it with new TenantDataSource({ tenancy, … }).',
  })
}
