import type { ResolvedTenancy } from '../model/resolved-tenancy.ts'
import type { PlanContext } from './plan.ts'

/** What holds for every plan of one tenancy, whatever its shape. */
export type TenancyContext = Pick<PlanContext, 'tenancy'>

/** Works something out once: several builders ask for the same, of a schema that may have thousands of foreign keys. */
export function perTenancy<T extends object>(
  workOut: (context: TenancyContext) => T,
): (context: TenancyContext) => T {
  const known = new WeakMap<ResolvedTenancy, T>()
  return ({ tenancy }) => {
    const before = known.get(tenancy)
    if (before) return before
    const result = workOut({ tenancy })
    known.set(tenancy, result)
    return result
  }
}
