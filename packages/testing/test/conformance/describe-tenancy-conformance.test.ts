import assert from 'node:assert/strict'
import { describe, inject, test } from 'vitest'
import { describeGroups } from '../../src/conformance/describe-tenancy-conformance.ts'
import { claim } from '../../src/conformance/group.ts'
import type { Claim } from '../../src/conformance/group.ts'
import { describeTenancyConformance } from '../../src/conformance/index.ts'
import type { ConformanceFacts, ConformanceHarness, ConformanceSubject } from '../../src/conformance/index.ts'
import { connectToPostgres } from '../../src/index.ts'
import { runSuite } from './collecting-runner.ts'
import type { Outcome } from './collecting-runner.ts'
import { ReferenceSubject } from './reference-subject.ts'

const server = () => connectToPostgres(inject('postgresUrl'))

/** The reference without some of its methods. */
function lesser(...missing: (keyof ConformanceSubject)[]): ConformanceHarness {
  return {
    name: 'a lesser library',
    open(options) {
      const subject = new ReferenceSubject(options)
      return new Proxy<ConformanceSubject>(subject, {
        get(target, name) {
          if (missing.includes(name as keyof ConformanceSubject)) return undefined
          const value: unknown = Reflect.get(target, name, target)
          return typeof value === 'function' ? (value.bind(target) as unknown) : value
        },
      })
    },
  }
}

/** How claims end for a harness. */
function prove(
  claims: Claim[],
  harness: ConformanceHarness,
  facts: ConformanceFacts = {},
): Promise<Outcome[]> {
  return runSuite((runner) =>
    describeGroups([{ title: 'group', claims }], harness, facts, runner, {
      server,
      deadline: 500,
      patience: 300,
    }),
  )
}

const streams = claim('a stream flows', ['streams'], async (bench) => {
  const [tenant] = await bench.tenants(1)
  const probe = await bench.open()
  await bench.tenancy.run(tenant.id, async () => {
    for await (const row of probe.stream('select 1 as one')) assert.deepEqual(row, { one: 1 })
  })
})

describe('facts', () => {
  test('skip the tests of what cannot be done, with the reason in their titles', async () => {
    const outcomes = await prove([streams], lesser('stream'), { streams: 'it has no cursors' })
    assert.deepEqual(
      outcomes.map(({ title, status }) => [title, status]),
      [['a stream flows (skipped: it has no cursors)', 'skipped']],
    )
  })

  test('are needed for what the harness leaves out', async () => {
    const [outcome] = await prove([streams], lesser('stream'))
    assert.match(String(outcome?.error), /offers no stream and states no reason.*\{ streams: /)
  })

  test('must not be stated about what the harness offers', async () => {
    const outcomes = await runSuite(
      (runner) =>
        describeTenancyConformance(lesser(), { streams: 'it had no cursors once' }, runner, { server }),
      (group) => group === 'facts',
    )
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['failed'],
    )
    assert.match(String(outcomes[0]?.error), /state no fact about what the harness offers/)
  })

  test('have a name that the suite knows, and a reason', () => {
    const describeWith = (facts: object) => () =>
      describeTenancyConformance(lesser(), facts, {
        describe: () => {},
        test: Object.assign(() => {}, { skip: () => {} }),
        beforeAll: () => {},
        afterAll: () => {},
      })
    assert.throws(
      describeWith({ cursors: 'none' }),
      /"cursors" is no fact of the suite: use one of callbacks, streams/,
    )
    assert.throws(describeWith({ streams: ' ' }), /"streams" needs its reason/)
    assert.doesNotThrow(describeWith({ streams: 'it has no cursors' }))
  })
})

describe('a test of the suite', () => {
  test('that hangs fails, and says what the database is doing', async () => {
    const hanging = claim('it hangs', async (bench) => {
      const [tenant] = await bench.tenants(1)
      const probe = await bench.open()
      await bench.tenancy.run(tenant.id, () => probe.query('select pg_sleep(60)'))
    })
    const [outcome] = await prove([hanging], lesser())
    assert.match(String(outcome?.error), /did not finish within 500 ms.*select pg_sleep\(60\)/)
  })

  test('fails for whatever is left open behind it', async () => {
    const careless = claim('it leaves a transaction open', ['checkout'], async (bench) => {
      const [tenant] = await bench.tenants(1)
      const probe = await bench.open()
      await bench.tenancy.run(tenant.id, async () => {
        const client = await probe.checkout()
        await client.query('begin')
      })
    })
    const [outcome] = await prove([careless], lesser())
    assert.match(String(outcome?.error), /backends are not idle.*idle in transaction/)
  })

  test('sees every message that is sent', async () => {
    const silent = claim('it sends nothing', async (bench) => {
      const [tenant] = await bench.tenants(1)
      const probe = await bench.open()
      await bench.tenancy.run(tenant.id, () => probe.query('select 1'))
      await probe.sendsNothing(async () => {})
      await probe.sendsNothing(() => bench.tenancy.run(tenant.id, () => probe.query('select 1')))
    })
    const [outcome] = await prove([silent], lesser())
    assert.match(String(outcome?.error), /sent \d+ messages where it should send none/)
  })
})
