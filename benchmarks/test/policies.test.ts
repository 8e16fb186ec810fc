import type { TestDatabase } from '@tenantry/testing'
import { connectToPostgres } from '@tenantry/testing'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { createDataset } from '../src/dataset.ts'
import { preparePolicyForms, usePolicies, type PolicyForm } from '../src/policies/policy-forms.ts'
import { loadPolicyTables, randomActor, type Actor } from '../src/policies/policy-table.ts'
import { explain, runTimed, timedStatements } from '../src/policies/timed-statements.ts'

// Enough rows of each tenant for an index to be worth its while.
const dataset = createDataset(20_000, 20)

describe('the ways to write policies that are compared', () => {
  let database: TestDatabase
  let superuser: pg.Client
  let app: pg.Client
  let forms: readonly PolicyForm[]
  let actor: Actor

  beforeAll(async () => {
    database = await connectToPostgres(inject('postgresUrl')).createDatabase({ name: 'policy-cost' })
    superuser = new pg.Client({ connectionString: database.urls.superuser })
    app = new pg.Client({ connectionString: database.urls.app })
    await superuser.connect()
    await app.connect()
    await loadPolicyTables(superuser, dataset)
    await superuser.query(timedStatements())
    forms = await preparePolicyForms(superuser)
    actor = await randomActor(superuser, dataset)
  })

  afterAll(async () => {
    await superuser?.end()
    await app?.end()
    await database?.drop()
  })

  const clientOf = (form: PolicyForm): pg.Client => (form.policies === undefined ? superuser : app)

  async function planOf(form: PolicyForm, shape: 'scan' | 'key'): Promise<string> {
    await usePolicies(superuser, form)
    return (await explain(clientOf(form), form, shape, actor)).join('\n')
  }

  it('all sum up the rows of the tenant and find each of them by key', async () => {
    const { rows } = await superuser.query<{ sum: string }>(
      'SELECT sum(length(title)) FROM policy_cost.document WHERE tenant_id = $1',
      [actor.tenantId],
    )
    expect(actor.keys).toHaveLength(1_000)
    for (const form of forms) {
      await usePolicies(superuser, form)
      const scan = await runTimed(clientOf(form), form, 'scan', actor, 2)
      expect(scan.answer, form.title).toBe(Number(rows[0]!.sum))
      for (const shape of ['key', 'key-unprepared'] as const) {
        const { executions, answer, microseconds } = await runTimed(clientOf(form), form, shape, actor, 2)
        expect(executions, form.title).toBeGreaterThan(0)
        expect(answer, form.title).toBe(executions)
        expect(microseconds, form.title).toBeGreaterThan(0)
      }
    }
  })

  it('all find nothing by the keys of another tenant', async () => {
    const { rows } = await superuser.query<{ keys: string[] }>(
      'SELECT array_agg(id) AS keys FROM policy_cost.document WHERE tenant_id <> $1',
      [actor.tenantId],
    )
    const thief = { ...actor, keys: rows[0]!.keys }
    for (const form of forms) {
      await usePolicies(superuser, form)
      const { executions, answer } = await runTimed(clientOf(form), form, 'key', thief, 2)
      expect(executions, form.title).toBeGreaterThan(0)
      expect(answer, form.title).toBe(0)
    }
  })

  it('the generated policies are one InitPlan and a condition on the index that the tenant leads', async () => {
    const generated = forms.find((form) => form.generated)!
    for (const shape of ['scan', 'key'] as const) {
      const plan = await planOf(generated, shape)
      expect(plan.match(/^ *InitPlan /gm), shape).toHaveLength(1)
      expect(plan).toMatch(/Scan (on|using) document_pkey\b.*\n +Index Cond: \(+tenant_id = /)
      expect(plan).not.toMatch(/Filter|SubPlan|Seq Scan/)
    }
  })

  it.each(['a VOLATILE function', 'EXISTS on memberships', 'IN (SELECT … FROM memberships)'])(
    '%s reads the rows of all tenants',
    async (title) => {
      const scan = await planOf(
        forms.find((form) => form.title === title)!,
        'scan',
      )
      expect(scan).toMatch(/Seq Scan on ordinary_document\n\s+Filter/)
    },
  )
})
