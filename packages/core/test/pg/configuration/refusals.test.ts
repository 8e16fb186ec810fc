import pg from 'pg'
import { describe, expect, test, vi } from 'vitest'
import { TenantryError } from '../../../src/index.ts'
import { TenantPool } from '../../../src/pg/index.ts'
import type { TenantPoolOptions } from '../../../src/pg/index.ts'
import { runProgram } from '../support/run-program.ts'
import { tenancy } from '../support/tenants.ts'

// Nothing here connects: what is refused is refused before.
const connectionString = 'postgres://app:secret@127.0.0.1:1/app'
const system = { connectionString: 'postgres://system:secret@127.0.0.1:1/app' }

/** The code and the message with which `new TenantPool` refuses options. */
function refusalOf(options: unknown): { code: string; message: string } | undefined {
  try {
    new TenantPool(options as TenantPoolOptions)
    return undefined
  } catch (error) {
    if (!TenantryError.isInstance(error)) throw error
    return { code: error.code, message: error.message }
  }
}

describe('new TenantPool', () => {
  test.each([
    ['nothing', undefined],
    ['null', null],
    ['no tenancy', { connectionString }],
    ['null for a tenancy', { tenancy: null, connectionString }],
    ['something else for a tenancy', { tenancy: { run: () => {} }, connectionString }],
    ['the options of a tenancy', { tenancy: { tenantId: 'uuid' }, connectionString }],
  ])('refuses %s, and says where a tenancy comes from', (_what, options) => {
    const refusal = refusalOf(options)
    expect(refusal?.code).toBe('INVALID_CONFIG')
    expect(refusal?.message).toContain('createTenancy()')
  })

  test.each([
    ['native', { native: true }],
    ['pipeline', { pipeline: true }],
  ])('refuses %s, which it does not support', (name, option) => {
    const refusal = refusalOf({ tenancy, connectionString, ...option })
    expect(refusal?.code).toBe('UNSUPPORTED_DRIVER')
    expect(refusal?.message).toContain(name)
    expect(refusalOf({ tenancy, connectionString, system: { ...system, ...option } })?.code).toBe(
      'UNSUPPORTED_DRIVER',
    )
    expect(refusalOf({ tenancy, connectionString, [name]: false })).toBeUndefined()
  })

  test('refuses NODE_PG_FORCE_NATIVE, set before pg was loaded or after', async () => {
    const { exitCode, output } = await runProgram('forced-native', { NODE_PG_FORCE_NATIVE: '1' })
    expect(output).toContain('native client\nUNSUPPORTED_DRIVER TenantPool does not support pg.native')
    expect(exitCode).toBe(0)
    vi.stubEnv('NODE_PG_FORCE_NATIVE', '1')
    expect(refusalOf({ tenancy, connectionString })?.code).toBe('UNSUPPORTED_DRIVER')
    vi.unstubAllEnvs()
    expect(refusalOf({ tenancy, connectionString })).toBeUndefined()
  })

  test('refuses a client class of somebody else', () => {
    const refusal = refusalOf({ tenancy, connectionString, Client: pg.Client })
    expect(refusal?.code).toBe('INVALID_CONFIG')
    expect(refusal?.message).toContain('Client')
    expect(refusalOf({ tenancy, connectionString, system: { ...system, Client: pg.Client } })?.code).toBe(
      'INVALID_CONFIG',
    )
    expect(refusalOf({ tenancy, connectionString, Client: undefined })).toBeUndefined()
  })

  test.each(['yes', 1, 0, null, {}])('refuses %o for prepare', (prepare) => {
    const refusal = refusalOf({ tenancy, connectionString, prepare })
    expect(refusal?.code).toBe('INVALID_CONFIG')
    expect(refusal?.message).toContain('prepare')
  })

  test.each([null, 'postgres://system@host/app', true, {}, { max: 3 }, { password: 'x' }])(
    'refuses %o for a system pool',
    (given) => {
      const refusal = refusalOf({ tenancy, connectionString, system: given })
      expect(refusal?.code).toBe('INVALID_CONFIG')
      expect(refusal?.message).toContain('system')
    },
  )

  const preset = '-c app.current_tenant_id=00000000-0000-4000-8000-000000000001'
  const withOptions = (options: string) => `${connectionString}?options=${encodeURIComponent(options)}`

  test.each([
    ['options', { options: preset }],
    ['options, another declared setting', { options: '-c app.current_user_id=u1' }],
    ['options, among others', { options: `-c statement_timeout=1s ${preset} -c work_mem=4MB` }],
    ['options, in capitals', { options: preset.toUpperCase() }],
    ['options, in the long form', { options: '--app.current_tenant_id=x' }],
    [
      'options, with dashes, which the server takes for underscores',
      { options: '--app.current-tenant-id=x' },
    ],
    ['options, with backslashes, which the server drops', { options: '-c app.current\\_tenant\\_id=x' }],
    ['the connection string', { connectionString: withOptions(preset) }],
    [
      'the connection string, its key written otherwise',
      { connectionString: withOptions(preset).replace('?options', '?%6fptions') },
    ],
  ])('refuses a setting preset through %s', (_where, options) => {
    const refusal = refusalOf({ tenancy, connectionString, ...options })
    expect(refusal?.code).toBe('INVALID_CONFIG')
    expect(refusal?.message).toMatch(/preset "app\.current_(tenant|user)_id"/)
    expect(refusalOf({ tenancy, connectionString, system: { ...system, ...options } })?.code).toBe(
      'INVALID_CONFIG',
    )
  })

  test('refuses a setting preset through PGOPTIONS or the defaults of pg', () => {
    vi.stubEnv('PGOPTIONS', preset)
    expect(refusalOf({ tenancy, connectionString })?.code).toBe('INVALID_CONFIG')
    vi.unstubAllEnvs()
    const defaults = pg.defaults as { options?: string | undefined }
    const before = defaults.options
    try {
      defaults.options = preset
      expect(refusalOf({ tenancy, connectionString })?.code).toBe('INVALID_CONFIG')
    } finally {
      defaults.options = before
    }
    expect(refusalOf({ tenancy, connectionString })).toBeUndefined()
  })

  test.each([
    { options: '-c statement_timeout=1s' },
    { options: '' },
    { connectionString: withOptions('-c search_path=app') },
    { options: '-c app.something_else=1' },
    { pipeline: undefined, native: undefined, prepare: undefined, system: undefined },
  ])('takes %o', (options) => {
    expect(refusalOf({ tenancy, connectionString, ...options })).toBeUndefined()
  })
})
