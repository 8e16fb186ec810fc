import { describeValue } from './describe-value.ts'
import { TenantryError } from './errors.ts'

/** What a setting other than the tenant id may hold. `null` and `undefined` mean: not set. */
export type SettingValue = string | number | bigint | boolean | null | undefined

// A lone surrogate would reach the server as U+FFFD: two different values would become one.
const LONE_SURROGATE = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/

/** Whether PostgreSQL receives this text as it stands: no NUL byte (its strings end there), no broken UTF-16. */
export function isSendableText(text: string): boolean {
  return !text.includes('\0') && !LONE_SURROGATE.test(text)
}

/**
 * The text of a setting's value, `''` where it is not set.
 * @throws TenantryError `INVALID_SETTING`
 */
export function parseSettingValue(name: string, value: unknown): string {
  switch (typeof value) {
    case 'string':
      if (isSendableText(value)) return value
      break
    case 'number':
      if (Number.isFinite(value)) return String(value)
      break
    case 'bigint':
    case 'boolean':
      return String(value)
    case 'undefined':
      return ''
    case 'object':
      if (value === null) return ''
      break
    default:
  }
  throw new TenantryError({
    code: 'INVALID_SETTING',
    message:
      `The setting "${name}" cannot hold ${describeValue(value)}: give a string without NUL bytes or broken ` +
      'surrogates, a finite number, a bigint, a boolean, or null for "not set".',
  })
}
