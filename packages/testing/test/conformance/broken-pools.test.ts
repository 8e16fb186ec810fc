import assert from 'node:assert/strict'
import { describe, inject, test } from 'vitest'
import { describeGroups } from '../../src/conformance/describe-tenancy-conformance.ts'
import { groups } from '../../src/conformance/groups/index.ts'
import { HungError } from '../../src/conformance/until.ts'
import { connectToPostgres } from '../../src/index.ts'
import { brokenHarness, brokenSubjects, GROUPS } from './broken/index.ts'
import type { GroupName } from './broken/index.ts'
import { runSuite } from './collecting-runner.ts'

/** Claims that no pool can break: they rest on the tenant context, or on the database itself. */
const BEYOND_THE_POOL = [
  'the database refuses by itself: the application role without settings has no tenant',
  'whatever is no UUID is refused as INVALID_TENANT_ID, and nothing is sent',
  'whatever is no text is refused as INVALID_TENANT_ID, and nothing is sent',
  'a refusal never repeats more than a piece of the id',
  'a UUID in capitals is the same tenant',
  'settings that PostgreSQL cannot hold are refused as INVALID_SETTING, and nothing is sent',
  'asSystem needs a reason, and sends nothing without one',
]

/** Most tests take some ten milliseconds. */
const IMPATIENT = { deadline: 1_500, patience: 500 }

const broken = new Map<string, string[]>()
const server = () => connectToPostgres(inject('postgresUrl'))

describe.concurrent('the suite notices', () => {
  for (const subject of brokenSubjects) {
    test(`a subject that ${subject.flaw}`, { timeout: 120_000 }, async () => {
      const titles = subject.fails.map((name) => GROUPS[name])
      const selected = groups.filter(({ title }) => titles.includes(title as never))
      const outcomes = await runSuite((runner) =>
        describeGroups(selected, brokenHarness(subject), {}, runner, { server, ...IMPATIENT }),
      )
      const failed = outcomes.filter(
        ({ status, error }) => status === 'failed' && (subject.hangs || !(error instanceof HungError)),
      )
      for (const { title } of failed) broken.set(title, [...(broken.get(title) ?? []), subject.flaw])
      assert.deepEqual(
        titles.filter((title) => !failed.some(({ group }) => group === title)),
        [],
        'these groups passed',
      )
    })
  }
})

test('every group has a broken subject', () => {
  const names = Object.keys(GROUPS) as GroupName[]
  assert.deepEqual(
    names.filter((name) => !brokenSubjects.some(({ fails }) => fails.includes(name))),
    [],
  )
  assert.deepEqual(
    groups.map(({ title }) => title),
    names.map((name) => GROUPS[name]),
  )
})

test('every claim fails for some broken subject', ({ skip }) => {
  // Run on their own, the other tests have not been collecting.
  if (broken.size === 0) skip()
  const claims = groups.flatMap(({ claims: some }) => some.map(({ title }) => title))
  assert.deepEqual(
    claims.filter((title) => !broken.has(title)),
    BEYOND_THE_POOL,
  )
})
