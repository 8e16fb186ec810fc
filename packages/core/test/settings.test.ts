import { describe, expect, test } from 'vitest'
import { createTenancy, DEFAULT_TENANT_SETTING } from '../src/index.ts'
import { codeOf } from './code-of.ts'

describe('declared settings', () => {
  test('the tenant id has one by default, and comes first', () => {
    const tenancy = createTenancy({ tenantId: 'text', settings: { userId: 'app.current_user_id' } })
    expect(tenancy.settings).toEqual([
      { key: 'tenantId', parameter: DEFAULT_TENANT_SETTING },
      { key: 'userId', parameter: 'app.current_user_id' },
    ])
  })

  test.each([
    'tenant_id',
    "app.x'; drop table projects; --",
    '',
    'app.',
    '.x',
    'app.x y',
    'app.1',
    `app.${'x'.repeat(63)}`,
  ])('refuses the name %j', (parameter) => {
    expect(codeOf(() => createTenancy({ tenantId: 'text', settings: { tenantId: parameter } }))).toBe(
      'INVALID_CONFIG',
    )
  })

  test('refuses two keys with one parameter, whatever the case', () => {
    const settings = { userId: 'App.Current_Tenant_Id' }
    expect(codeOf(() => createTenancy({ tenantId: 'text', settings }))).toBe('INVALID_CONFIG')
  })

  test.each([undefined, 'UUID', 42, null])('refuses %s as the type of ids', (tenantId) => {
    expect(codeOf(() => createTenancy({ tenantId } as never))).toBe('INVALID_CONFIG')
  })
})

describe('values of settings', () => {
  const tenancy = createTenancy({ tenantId: 'text', settings: { userId: 'app.user', region: 'app.region' } })
  const valuesOf = (input: object) => tenancy.run(input as never, () => tenancy.current()?.values)

  test.each([
    ["o'brien", "o'brien"],
    ['\\', '\\'],
    ['$1; drop table x; --', '$1; drop table x; --'],
    ['line\nbreak', 'line\nbreak'],
    [42, '42'],
    [42n, '42'],
    [false, 'false'],
    ['constructor', 'constructor'],
  ])('%o is sent as %o', (given, sent) => {
    expect(valuesOf({ tenantId: 'acme', userId: given })).toEqual({ tenantId: 'acme', userId: sent })
  })

  test.each([null, undefined, ''])('%j means not set', (given) => {
    expect(valuesOf({ tenantId: 'acme', userId: given })).toEqual({ tenantId: 'acme' })
  })

  test.each([[['1']], [{}], [Number.NaN], [() => '1'], ['\0'], ['\udfff'], [Symbol('x')]])(
    'refuses %s',
    (given) => {
      expect(codeOf(() => valuesOf({ tenantId: 'acme', userId: given }))).toBe('INVALID_SETTING')
    },
  )

  test('refuses a key that was not declared, naming those that were', () => {
    expect(() => valuesOf({ tenantId: 'acme', userID: '1' })).toThrow(
      /"userID".*declared: tenantId, userId, region/,
    )
  })

  test('a polluted prototype adds no value', () => {
    Object.defineProperty(Object.prototype, 'region', {
      value: 'eu',
      configurable: true,
      enumerable: true,
      writable: true,
    })
    try {
      expect(Object.hasOwn(valuesOf({ tenantId: 'acme' }) as object, 'region')).toBe(false)
    } finally {
      delete (Object.prototype as { region?: string }).region
    }
  })
})
