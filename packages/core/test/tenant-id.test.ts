import { describe, expect, test } from 'vitest'
import { createTenancy, InvalidTenantIdError } from '../src/index.ts'
import type { TenantIdType, TenantryError } from '../src/index.ts'

const UUID = '6f1c2a34-9b1e-4c62-8a57-0d3f5a1b2c4d'

function idOf(type: TenantIdType, value: unknown): string {
  const tenancy = createTenancy({ tenantId: type })
  return tenancy.run(value, () => tenancy.tenantId())
}

function refusal(type: TenantIdType, value: unknown): TenantryError {
  try {
    idOf(type, value)
  } catch (error) {
    if (error instanceof InvalidTenantIdError) return error
    throw error
  }
  throw new Error(`${String(value)} was accepted`)
}

// What reaches an application from query strings, JSON bodies and mistakes, whatever the type of its ids.
const hostile: [name: string, value: unknown][] = [
  ['undefined', undefined],
  ['null', null],
  ['the text null', 'null'],
  ['the text undefined', 'undefined'],
  ['empty text', ''],
  ['blank text', '   '],
  ['a NUL byte', `acme\0`],
  ['a lone surrogate', 'acme\ud800'],
  ['an array of one id', [UUID]],
  ['an object', {}],
  ['an object printing as an id', { toString: () => UUID }],
  ['an inherited id', Object.create({ tenantId: UUID })],
  [
    'a class instance',
    new (class {
      tenantId = UUID
    })(),
  ],
  ['a function', () => UUID],
  ['a symbol', Symbol('acme')],
  ['true', true],
  ['NaN', Number.NaN],
  ['an id object without an id', { userId: '1' }],
  ['an id object with null', { tenantId: null }],
  ['an id object with an array', { tenantId: [UUID] }],
  ['a boxed string', Object('acme')],
]

describe.each(['uuid', 'bigint', 'text'] as const)('a %s tenancy', (type) => {
  test.each(hostile)('refuses %s', (_name, value) => {
    expect(refusal(type, value).code).toBe('INVALID_TENANT_ID')
  })
})

describe('uuid', () => {
  test('normalises capitals, so that one tenant is one scope', () => {
    expect(idOf('uuid', UUID.toUpperCase())).toBe(UUID)
  })

  test.each([
    '42',
    `${UUID}'; drop table projects; --`,
    `{${UUID}}`,
    UUID.replaceAll('-', ''),
    ` ${UUID}`,
    `${UUID}\n`,
    42,
    42n,
  ])('refuses %s', (value) => {
    expect(refusal('uuid', value).message).toContain('UUID')
  })
})

describe('bigint', () => {
  test.each([
    [42, '42'],
    [42n, '42'],
    ['42', '42'],
    ['0042', '42'],
    [-1, '-1'],
    ['9223372036854775807', '9223372036854775807'],
    [-(2n ** 63n), '-9223372036854775808'],
  ])('takes %s', (value, expected) => {
    expect(idOf('bigint', value)).toBe(expected)
  })

  test.each([
    1.5,
    2 ** 53,
    Number.POSITIVE_INFINITY,
    '1e3',
    '0x10',
    '+1',
    ' 1',
    '1\n',
    '9223372036854775808',
    -(2n ** 63n) - 1n,
    '1; select 1',
  ])('refuses %s', (value) => {
    expect(refusal('bigint', value).code).toBe('INVALID_TENANT_ID')
  })
})

describe('text', () => {
  test.each(['acme', "o'brien", 'acme"; --', 'größe', '会社', '\u{1f600}', '$1', 'a\\b', ' acme'])(
    'takes %j as it stands',
    (value) => {
      expect(idOf('text', value)).toBe(value)
    },
  )

  test('refuses more than 255 characters, and does not repeat them all', () => {
    const error = refusal('text', 'x'.repeat(10_000))
    expect(error.message).toContain(`"${'x'.repeat(64)}"… (10000 characters)`)
    expect(error.message).not.toContain('x'.repeat(65))
  })

  test.each(['[object Object]', 'NaN'])('refuses %j, which is what a mistake prints', (value) => {
    expect(refusal('text', value).code).toBe('INVALID_TENANT_ID')
  })
})

describe('a function of your own', () => {
  const slug = (value: unknown): string => {
    if (typeof value !== 'string' || !/^[a-z]+$/i.test(value)) throw new RangeError('letters only')
    return value.toLowerCase()
  }

  test('says the normal form', () => {
    expect(idOf(slug, 'ACME')).toBe('acme')
  })

  test('its own error is the cause', () => {
    const error = refusal(slug, '42')
    expect(error.cause).toBeInstanceOf(RangeError)
  })

  test.each([
    ['', ''],
    ['a NUL byte', 'a\0'],
    ['no text', 42],
  ])('must not return %s', (_name, returned) => {
    expect(refusal(() => returned as string, 'acme').code).toBe('INVALID_TENANT_ID')
  })
})
