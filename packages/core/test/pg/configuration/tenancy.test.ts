import { expect, test } from 'vitest'
import { openPool } from '../support/open-pool.ts'
import { tenancy } from '../support/tenants.ts'

test('A pool names its tenancy, which nobody can put another in the place of', () => {
  const pool = openPool({})
  expect(pool.tenancy).toBe(tenancy)
  expect(() => Object.assign(pool, { tenancy: undefined })).toThrow(TypeError)
})
