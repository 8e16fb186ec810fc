import { TenantryError } from '../errors.ts'
import type { ResolvedTenancy } from '../model/resolved-tenancy.ts'

/** A tenant's id as callers give it. */
export type TenantId = string | number | bigint

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const INTEGER = /^-?\d{1,19}$/
const LONGEST_TEXT = 255
/** The longest piece of a caller's value that a message repeats. */
const LONGEST_ECHO = 64

// What JavaScript prints for a missing or mistaken value: as a tenant's id, always a mistake somewhere before.
const PRINTED_NOTHING = new Set(['null', 'undefined', 'NaN', '[object Object]'])
// The text would reach the server changed, or not at all.
const UNSENDABLE = /\0|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/

const integerBits: ReadonlyMap<string, bigint> = new Map([
  ['smallint', 16n],
  ['integer', 32n],
  ['bigint', 64n],
])

/**
 * The normal form of a tenant's id, as the setting carries it.
 *
 * @throws {TenantryError} `INVALID_TENANT_ID` for anything that is not of the tenancy's type.
 */
export function parseTenantId({ tenantType }: ResolvedTenancy, id: unknown): string {
  const bits = integerBits.get(tenantType)
  if (bits !== undefined) return parseInteger(id, tenantType, bits)
  return tenantType === 'uuid' ? parseUuid(id) : parseText(id)
}

function parseUuid(id: unknown): string {
  if (typeof id === 'string' && UUID.test(id)) return id.toLowerCase()
  return refuse(id, 'a UUID such as "6f1c2a34-9b1e-4c62-8a57-0d3f5a1b2c4d"')
}

function parseInteger(id: unknown, type: string, bits: bigint): string {
  const expected = `a ${type}, as a bigint, a safe integer or decimal digits`
  const whole =
    typeof id === 'bigint' || Number.isSafeInteger(id) || (typeof id === 'string' && INTEGER.test(id))
  if (!whole) return refuse(id, expected)
  const integer = BigInt(id as string | number | bigint)
  const limit = 2n ** (bits - 1n)
  return integer < -limit || integer >= limit ? refuse(id, expected) : integer.toString()
}

function parseText(id: unknown): string {
  const fits =
    typeof id === 'string' &&
    id.length <= LONGEST_TEXT &&
    id.trim() !== '' &&
    !PRINTED_NOTHING.has(id) &&
    !UNSENDABLE.test(id)
  return fits
    ? id
    : refuse(id, `text of 1 to ${LONGEST_TEXT} characters, without NUL bytes or broken surrogates`)
}

function refuse(id: unknown, expected: string): never {
  throw new TenantryError({
    code: 'INVALID_TENANT_ID',
    message: `${describe(id)} is not a tenant's id: expected ${expected}. Check where it comes from.`,
  })
}

/** Scalars are quoted and cut; anything else is named by its kind, because its text can be long, secret or hostile. */
function describe(value: unknown): string {
  if (typeof value === 'string') {
    return value.length > LONGEST_ECHO
      ? `${JSON.stringify(value.slice(0, LONGEST_ECHO))}… (${value.length} characters)`
      : JSON.stringify(value)
  }
  if (typeof value === 'number' || typeof value === 'bigint') return String(value).slice(0, LONGEST_ECHO)
  if (typeof value !== 'object')
    return typeof value === 'boolean' ? String(value) : `a value of type ${typeof value}`
  return value === null ? 'null' : Array.isArray(value) ? 'an array' : 'an object'
}
