import { TenantMismatchError } from '@tenantry/core'
import type { Tenancy, TenantScope } from '@tenantry/core'
import type { TenancyModuleOptions } from './tenancy-module-options.ts'
import type { TenantRequest, TenantResolver } from './tenant-resolver.ts'

/** What each resolver has said of one request, kept so that none is asked again after it answered. */
export type TenantAnswers = (TenantScope | undefined)[]

/**
 * Asks the resolvers that have not answered yet, without a tenant.
 *
 * @param answers of earlier times; completed here
 * @param known the scope that is there already and has to agree, too
 * @returns the tenant that all of them name, with the settings of all; `undefined` if nobody knows
 * @throws TenantMismatchError if they do not agree
 * @throws InvalidTenantIdError if an answer is no tenant id
 */
export async function resolveTenant(
  options: Pick<TenancyModuleOptions, 'tenancy' | 'resolve'>,
  request: TenantRequest,
  answers: TenantAnswers = [],
  known?: TenantScope,
): Promise<TenantScope | undefined> {
  const { tenancy } = options
  const asked = [...resolversOf(options).entries()].filter(([index]) => answers[index] === undefined)
  if (asked.length > 0) {
    await tenancy.withoutTenant(async () => {
      // In turn: one that refuses spares the others their work.
      for (const [index, resolver] of asked) {
        const answer = (await resolver(request)) ?? undefined
        if (answer !== undefined) answers[index] = tenancy.scopeOf(answer)
      }
    })
  }
  return agreedTenant(tenancy, [...answers, known])
}

/**
 * Asks `membership`, for that tenant: nobody else may read its members, and the request does not act for it before the answer.
 *
 * @throws TenantMismatchError if the one who asks is no member
 */
export async function checkMembership(
  { tenancy, membership }: TenancyModuleOptions,
  tenant: TenantScope,
  request: TenantRequest,
): Promise<void> {
  if (membership === undefined) return
  const isMember: unknown = await tenancy.run(tenant.values, () => membership(tenant, request))
  // Exactly `true`: a list of rows is truthy, however empty.
  if (isMember !== true) {
    throw new TenantMismatchError(
      `The request is for tenant ${JSON.stringify(tenant.tenantId)}, and "membership" of TenancyModule did not confirm that ` +
        'whoever sent it belongs there. It has to return true.',
    )
  }
}

/** Whether every resolver has answered. */
export function isAnswered(options: Pick<TenancyModuleOptions, 'resolve'>, answers: TenantAnswers): boolean {
  return resolversOf(options).every((_, index) => answers[index] !== undefined)
}

function resolversOf({ resolve }: Pick<TenancyModuleOptions, 'resolve'>): readonly TenantResolver[] {
  return typeof resolve === 'function' ? [resolve] : resolve
}

function agreedTenant(
  tenancy: Tenancy,
  answers: readonly (TenantScope | undefined)[],
): TenantScope | undefined {
  const [first, ...others] = answers.filter((answer) => answer !== undefined)
  if (first === undefined || others.length === 0) return first
  const values: Record<string, string> = { ...first.values }
  for (const other of others) {
    for (const [key, value] of Object.entries(other.values)) {
      if (values[key] !== undefined && values[key] !== value) {
        throw new TenantMismatchError(
          `The request names two tenants, or one in two ways: "${key}" is ${JSON.stringify(values[key])} to one resolver and ` +
            `${JSON.stringify(value)} to another. A token belongs to one tenant, and so does a subdomain: have the client use those of one.`,
        )
      }
      values[key] = value
    }
  }
  return tenancy.scopeOf(values)
}
