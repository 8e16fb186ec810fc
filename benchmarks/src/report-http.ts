import type { HttpRow } from './measurements/http.ts'
import { count, milliseconds, share, times, verdict, type ReportTable } from './report-table.ts'

/** What Tenantry costs an application: a table for each distance to the database and each number of clients. */
export function httpTables(rows: readonly HttpRow[]): ReportTable[] {
  const tables = new Map<string, HttpRow[]>()
  for (const row of rows) {
    const clients = row.clients === 1 ? '1 client' : `${row.clients} clients`
    const title = `Requests to a Nest application, ${clients}, database: ${row.network}`
    tables.set(title, [...(tables.get(title) ?? []), row])
  }
  return [...tables].map(([title, ofTable]) => ({ title, head, rows: ofTable.map(cells) }))
}

const head = [
  'application',
  'requests/s',
  'against hand-written',
  'to reach',
  'p50',
  'p99',
  'application CPU',
  'processors idle',
  'instances/request',
]

function cells(row: HttpRow): string[] {
  const { application, requestsPerSecond, ratio, reach, p50, p99, applicationCpu, idle, instances } = row
  return [
    application,
    count(requestsPerSecond),
    times(ratio),
    // Judged as the table shows it.
    reach === null ? '' : `${times(reach)}: ${verdict(Number(ratio.toFixed(2)) >= reach)}`,
    milliseconds(p50),
    milliseconds(p99),
    `${applicationCpu.toFixed(0)} µs`,
    share(idle),
    String(instances),
  ]
}
