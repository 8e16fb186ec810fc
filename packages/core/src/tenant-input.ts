import { describeValue } from './describe-value.ts'
import { InvalidTenantIdError, TenantryError } from './errors.ts'
import type { SettingValue } from './setting-value.ts'
import { parseSettingValue } from './setting-value.ts'
import type { Setting } from './settings.ts'

/** The settings of a tenancy besides the tenant id, as `run` and `withoutTenant` take them. */
export type OtherSettings<Keys extends string> = {
  readonly [Key in Exclude<Keys, 'tenantId'>]?: SettingValue
}

/** A tenant, as `run` takes it: the id alone, or an object with the id and more settings. */
export type TenantInput<Id, Keys extends string> = Id | ({ readonly tenantId: Id } & OtherSettings<Keys>)

/** A tenant as parsed: the normalised id, and the text of every setting that has a value. */
export interface ParsedTenant {
  readonly tenantId: string
  readonly values: Record<string, string>
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

/**
 * The text of the settings given, without the tenant id. Own properties only: nothing inherited ever becomes a value.
 * @throws TenantryError `INVALID_SETTING` for a key that was not declared or a value that cannot be sent
 */
export function parseOtherSettings(input: unknown, settings: readonly Setting[]): Record<string, string> {
  if (!isPlainObject(input)) {
    throw new TenantryError({
      code: 'INVALID_SETTING',
      message: `Settings are given as a plain object such as { userId: '42' }, not ${describeValue(input)}.`,
    })
  }
  const values: Record<string, string> = {}
  for (const [key, value] of Object.entries(input)) {
    if (key === 'tenantId') continue
    if (!settings.some((setting) => setting.key === key)) {
      const declared = settings.map((setting) => setting.key).join(', ')
      throw new TenantryError({
        code: 'INVALID_SETTING',
        message:
          `${describeValue(key)} is not a declared setting (declared: ${declared}). ` +
          'Add it to createTenancy({ settings }), with the PostgreSQL parameter that carries it.',
      })
    }
    const text = parseSettingValue(key, value)
    if (text !== '') values[key] = text
  }
  return values
}

/**
 * Takes an id, or a plain object with `tenantId` and declared settings.
 * @throws InvalidTenantIdError
 * @throws TenantryError `INVALID_SETTING`
 */
export function parseTenantInput(
  input: unknown,
  parseTenantId: (value: unknown) => string,
  settings: readonly Setting[],
): ParsedTenant {
  if (!isPlainObject(input)) {
    const tenantId = parseTenantId(input)
    return { tenantId, values: { tenantId } }
  }
  if (!Object.hasOwn(input, 'tenantId')) {
    throw new InvalidTenantIdError(
      'The tenant was given as an object without "tenantId". Give the id, or { tenantId, … }.',
    )
  }
  const tenantId = parseTenantId(input['tenantId'])
  return { tenantId, values: { tenantId, ...parseOtherSettings(input, settings) } }
}
