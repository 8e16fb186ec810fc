import type { Effort } from './effort.ts'
import type { PoliciesRow, PolicyCost } from './measurements/policies.ts'
import { count, microseconds, milliseconds, times, verdict, type ReportTable } from './report-table.ts'
import type { Results } from './results.ts'

/**
 * What the generated policies may cost: times the hand-written scan, of at least so many rows, and microseconds on top of
 * one row by key.
 */
const targets = { scanRatio: 1.05, scannedRows: 1_000, keyAdded: 10 }

/** What policies cost, a table for each statement. */
export function policyTables(
  rows: readonly PoliciesRow[],
  { rows: tableRows, tenants }: Effort,
): ReportTable[] {
  const rowsOfTenant = tableRows / tenants
  const head = ['way', 'median', 'least', 'against hand-written', 'added', 'to reach']
  return [
    {
      title: `Policies: a sum over the ${count(rowsOfTenant)} rows of a tenant, within the server`,
      head,
      rows: rows.map(({ way, generated, costs: { scan } }) => [
        ...cells(way, scan, (value) => milliseconds(value / 1000)),
        generated && rowsOfTenant >= targets.scannedRows
          ? `${times(targets.scanRatio)}: ${verdict(scan.ratio <= targets.scanRatio)}`
          : '',
      ]),
    },
    ...(['key', 'key-unprepared'] as const).map((shape) => ({
      title: `Policies: one row by key, ${shape === 'key' ? 'prepared' : 'planned anew each time'}, within the server`,
      head,
      rows: rows.map(({ way, generated, costs: { [shape]: cost } }) => [
        ...cells(way, cost, microseconds),
        generated && shape === 'key'
          ? `+${microseconds(targets.keyAdded)}: ${verdict(cost.added <= targets.keyAdded)}`
          : '',
      ]),
    })),
  ]
}

function cells(
  way: string,
  { median, minimum, ratio, added }: PolicyCost,
  time: (value: number) => string,
): string[] {
  const sign = added < 0 ? '-' : '+'
  return [way, time(median), time(minimum), times(ratio), `${sign}${time(Math.abs(added))}`]
}

/** How PostgreSQL runs the statements of the part `policies`; empty if it was not measured. */
export function renderPlans({ policies = [] }: Results): string {
  return policies
    .flatMap(({ way, plans }) =>
      Object.entries(plans).map(([shape, lines]) =>
        [`${way}: ${shape}`, ...lines.map((line) => `  ${line}`)].join('\n'),
      ),
    )
    .join('\n\n')
}
