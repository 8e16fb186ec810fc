import { describeValue } from './describe-value.ts'
import { InvalidTenantIdError } from './errors.ts'
import { isSendableText } from './setting-value.ts'

/**
 * How tenant ids look: a built-in type, or a function that turns any value into the text that the database compares,
 * and throws on what is not a tenant id.
 */
export type TenantIdType = 'uuid' | 'bigint' | 'text' | ((value: unknown) => string)

/** What `tenancy.run` takes for a tenant id of the declared type. */
export type TenantIdInput<Type extends TenantIdType> = Type extends 'bigint'
  ? string | number | bigint
  : Type extends 'uuid' | 'text'
    ? string
    : unknown

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const INTEGER = /^-?\d{1,19}$/
const BIGINT_MAXIMUM = 2n ** 63n - 1n
const BIGINT_MINIMUM = -(2n ** 63n)
const TEXT_LIMIT = 255

// What JavaScript prints for a missing or mistaken value: as a tenant id, always a bug upstream.
const PRINTED_NOTHING = new Set(['null', 'undefined', 'NaN', '[object Object]'])

function refuse(value: unknown, expected: string): never {
  throw new InvalidTenantIdError(
    `${describeValue(value)} is not a tenant id: expected ${expected}. ` +
      'Check where the id comes from; the type is set by createTenancy({ tenantId }).',
  )
}

function parseUuid(value: unknown): string {
  if (typeof value !== 'string' || !UUID.test(value)) {
    return refuse(value, 'a UUID such as "6f1c2a34-9b1e-4c62-8a57-0d3f5a1b2c4d"')
  }
  return value.toLowerCase()
}

function parseBigint(value: unknown): string {
  const expected = 'a 64-bit integer, as a bigint, a safe integer or decimal digits'
  if (
    typeof value === 'number'
      ? !Number.isSafeInteger(value)
      : typeof value !== 'bigint' && typeof value !== 'string'
  ) {
    return refuse(value, expected)
  }
  if (typeof value === 'string' && !INTEGER.test(value)) {
    return refuse(value, expected)
  }
  const integer = BigInt(value as string | number | bigint)
  return integer < BIGINT_MINIMUM || integer > BIGINT_MAXIMUM ? refuse(value, expected) : integer.toString()
}

function parseText(value: unknown): string {
  if (
    typeof value !== 'string' ||
    value.length > TEXT_LIMIT ||
    value.trim() === '' ||
    PRINTED_NOTHING.has(value) ||
    !isSendableText(value)
  ) {
    return refuse(value, `text of 1 to ${TEXT_LIMIT} characters, without NUL bytes or broken surrogates`)
  }
  return value
}

function parseWith(parse: (value: unknown) => string, value: unknown): string {
  let parsed: unknown
  try {
    parsed = parse(value)
  } catch (cause) {
    throw new InvalidTenantIdError(
      `${describeValue(value)} is not a tenant id: the function given as createTenancy({ tenantId }) refused it.`,
      cause,
    )
  }
  if (typeof parsed !== 'string' || parsed === '' || !isSendableText(parsed)) {
    return refuse(
      value,
      'a value that createTenancy({ tenantId }) turns into non-empty text without NUL bytes',
    )
  }
  return parsed
}

/** The parser for a declared tenant id type: returns the normal form, or throws {@link InvalidTenantIdError}. */
export function tenantIdParser(type: TenantIdType): (value: unknown) => string {
  if (typeof type === 'function') {
    return (value) => parseWith(type, value)
  }
  return { uuid: parseUuid, bigint: parseBigint, text: parseText }[type]
}
