import { createTenancy } from '../../../src/index.ts'

/** The tenancy of the tests: one setting besides the tenant. */
export const tenancy = createTenancy({ tenantId: 'uuid', settings: { userId: 'app.current_user_id' } })

/** How many tenants a database of the tests has, numbered from 1. */
export const TENANTS = 200

/** How many projects each of them has, named `project 1` and so on. */
export const PROJECTS = 3

/** The id of a numbered tenant. */
export function tenantId(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
}

/** Runs `fn` for a numbered tenant. */
export function inTenant<Result>(number: number, fn: () => Promise<Result>): Promise<Result> {
  return tenancy.run(tenantId(number), fn)
}
