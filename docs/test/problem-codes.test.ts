import { readFileSync } from 'node:fs'
import type { ProblemCode } from '@tenantry/policies'
import { expect, test } from 'vitest'

// Whoever adds a code has to add it here: the types say so.
const codes: Record<ProblemCode, true> = {
  UNKNOWN_SCHEMA: true,
  UNKNOWN_TABLE: true,
  UNKNOWN_COLUMN: true,
  UNKNOWN_KEY: true,
  UNKNOWN_ROLE: true,
  AMBIGUOUS_NAME: true,
  NAME_TOO_LONG: true,
  NAME_TAKEN: true,
  KIND_MISSING: true,
  NO_TENANT_KEY: true,
  NO_PATH: true,
  AMBIGUOUS_PATH: true,
  PATH_CYCLE: true,
  WRONG_TYPE: true,
  UNSUPPORTED_TABLE: true,
  UNSUPPORTED_KEY: true,
  SERVER_TOO_OLD: true,
  UNSAFE_ROLE: true,
  MISSING_PRIVILEGE: true,
  PLAN_OUTDATED: true,
  TENANT_UNKNOWN: true,
  TENANT_MISSING: true,
  TENANTS_MIXED: true,
  DUPLICATE_ROWS: true,
}

test('the page of errors says what every problem means', () => {
  const page = readFileSync(new URL('../errors.md', import.meta.url), 'utf8')
  expect(Object.keys(codes).filter((code) => !page.includes(`| \`${code}\` `))).toEqual([])
})
