import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { isDeepStrictEqual } from 'node:util'
import type { SystemEvent } from '@tenantry/core'
import { tenancy } from '../tenancy.ts'
import type { Tour } from './tour.ts'

interface PlanUsage {
  plan: string
  companies: number
  tasks: number
}

const usageByPlan = `
  SELECT plan, count(DISTINCT tenants.id)::int AS companies, count(tasks.id)::int AS tasks
  FROM tenants LEFT JOIN tasks ON tasks.tenant_id = tenants.id
  GROUP BY plan ORDER BY tasks DESC, plan`

/** A report across companies goes through the system pool, and leaves an audit event. */
export async function showSystemReport({ pool, superuser, report }: Tour): Promise<void> {
  report.heading('A report across companies, with asSystem')

  const events: SystemEvent[] = []
  const audit = (event: unknown): void => void events.push(event as SystemEvent)
  subscribe('tenantry:system', audit)
  const reason = 'usage by plan, for the invoices'
  const usage = await tenancy.asSystem(reason, () => pool.query<PlanUsage>(usageByPlan))
  unsubscribe('tenantry:system', audit)

  report.table(
    ['companies', 'tasks'],
    usage.rows.map(({ plan, companies, tasks }) => [plan, companies, tasks]),
  )
  const { rows: truth } = await superuser.query<PlanUsage>(usageByPlan)
  report.check(isDeepStrictEqual(usage.rows, truth), 'the superuser counts the same')
  const audited = events.map((event) => event.reason)
  report.check(
    isDeepStrictEqual(audited, [reason]),
    `audit event on tenantry:system: "${audited.join('", "')}"`,
  )
}
