import { describeValue } from './describe-value.ts'
import { TenantryError } from './errors.ts'

/** The PostgreSQL parameter that carries the tenant id unless `settings.tenantId` names another. */
export const DEFAULT_TENANT_SETTING = 'app.current_tenant_id'

/** One declared setting: the key used in JavaScript and the PostgreSQL parameter that carries it. */
export interface Setting {
  readonly key: string
  readonly parameter: string
}

// A customized option: two or more identifiers joined by dots.
// https://www.postgresql.org/docs/current/runtime-config-custom.html
const PARAMETER = /^[a-z_][a-z0-9_$]*(\.[a-z_][a-z0-9_$]*)+$/i
const PARAMETER_LIMIT = 63

/**
 * The declared settings in a fixed order, the tenant id first.
 * @throws TenantryError `INVALID_CONFIG` for a name that PostgreSQL would not take, or two keys with one parameter
 */
export function parseSettings(declared: Readonly<Record<string, unknown>> = {}): readonly Setting[] {
  const { tenantId = DEFAULT_TENANT_SETTING, ...others } = declared
  const settings: Setting[] = []
  const seen = new Map<string, string>()
  for (const [key, parameter] of [['tenantId', tenantId] as const, ...Object.entries(others)]) {
    if (typeof parameter !== 'string' || !PARAMETER.test(parameter) || parameter.length > PARAMETER_LIMIT) {
      throw new TenantryError({
        code: 'INVALID_CONFIG',
        message:
          `createTenancy({ settings: { ${key} } }) is ${describeValue(parameter)}, which is no name for a PostgreSQL ` +
          'setting: give two identifiers joined by a dot, such as "app.current_tenant_id".',
      })
    }
    // PostgreSQL compares parameter names without case.
    const name = parameter.toLowerCase()
    const other = seen.get(name)
    if (other !== undefined) {
      throw new TenantryError({
        code: 'INVALID_CONFIG',
        message: `createTenancy({ settings }): "${other}" and "${key}" both use "${parameter}". Give each its own.`,
      })
    }
    seen.set(name, key)
    settings.push(Object.freeze({ key, parameter: name }))
  }
  return Object.freeze(settings)
}
