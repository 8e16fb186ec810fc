import Table from 'cli-table3'
import { httpTables } from './report-http.ts'
import { libraryTables } from './report-libraries.ts'
import { policyTables } from './report-policies.ts'
import { count, milliseconds, share, times, type ReportTable } from './report-table.ts'
import type { Results } from './results.ts'

/** The results for a terminal. */
export function renderForTerminal(results: Results): string {
  return reportTables(results)
    .map(({ title, head, rows }) => {
      const colAligns = head.map((_, column) => (column === 0 ? ('left' as const) : ('right' as const)))
      const table = new Table({ head: [...head], colAligns, style: { head: [], border: [] } })
      for (const row of rows) table.push([...row])
      return `${title}\n${table.toString()}`
    })
    .concat(describeRun(results))
    .join('\n\n')
}

/** The results as Markdown tables, for a README. */
export function renderAsMarkdown(results: Results): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return reportTables(results)
    .map(({ title, head, rows }) =>
      [
        `**${title}**`,
        '',
        line(head),
        line(head.map((_, column) => (column === 0 ? '---' : '---:'))),
        ...rows.map(line),
      ].join('\n'),
    )
    .concat(describeRun(results))
    .join('\n\n')
}

function describeRun({ machine, libraries, http, networks, takenAt, effort, busyAtStart }: Results): string {
  const added = networks
    .filter((network) => network.addedRoundTrip > 0)
    .map(({ name, addedRoundTrip }) => `${name}: the proxy added ${addedRoundTrip.toFixed(2)} ms`)
  return [
    `${machine.processor}, ${machine.cores} cores, ${machine.memoryGigabytes} GB, ${machine.platform}`,
    `Node ${machine.node}, PostgreSQL ${machine.postgres}, pg ${machine.pg}`,
    ...(libraries || http ? [namesAndVersions(machine.libraries)] : []),
    `${count(effort.rows)} rows, ${count(effort.tenants)} tenants`,
    ...added,
    takenAt.slice(0, 10),
    ...(busyAtStart > 0.25
      ? [`others used ${share(busyAtStart)} of the processors when the run began: not for quoting`]
      : []),
  ].join('; ')
}

function namesAndVersions(versions: Readonly<Record<string, string>>): string {
  return Object.entries(versions)
    .map((entry) => entry.join(' '))
    .join(', ')
}

function reportTables(results: Results): ReportTable[] {
  const tables: ReportTable[] = []
  if (results.roundTrips)
    tables.push({
      title: 'Round trips of one scoped statement',
      head: ['way', 'round trips'],
      rows: results.roundTrips.map((row) => [row.way, String(row.roundTrips)]),
    })
  for (const network of results.networks) {
    const latency = results.latency?.filter((row) => row.network === network.name)
    if (latency?.length)
      tables.push({
        title: `Latency, one connection, ${network.name}`,
        head: ['way', 'median', 'p95', 'against baseline', 'client CPU'],
        rows: latency.map((row) => [
          row.way,
          milliseconds(row.median),
          milliseconds(row.p95),
          times(row.ratio),
          `${row.clientCpu.toFixed(0)} µs`,
        ]),
      })
  }
  if (results.libraries) tables.push(...libraryTables(results.libraries))
  for (const network of results.networks) {
    const throughput = results.throughput?.filter((row) => row.network === network.name)
    if (throughput?.length)
      tables.push({
        title: `Throughput, pool of 10, ${network.name}`,
        head: ['way', 'queries/s', 'against baseline', 'processors idle'],
        rows: throughput.map((row) => [
          row.way,
          count(row.queriesPerSecond),
          times(row.ratio),
          share(row.idle),
        ]),
      })
  }
  if (results.http) tables.push(...httpTables(results.http))
  if (results.connections)
    tables.push({
      title: `Memory of an idle connection after ${results.effort.connections.statements} different statements`,
      head: ['way', 'client', 'server'],
      rows: results.connections.map((row) => [
        row.way,
        kilobytes(row.clientBytes),
        row.serverBytes === null ? 'not readable' : kilobytes(row.serverBytes),
      ]),
    })
  if (results.heap)
    tables.push({
      title: 'Heap over many queries',
      head: ['way', 'queries', 'after a fifth', 'at the end', 'growth'],
      rows: results.heap.map((row) => [
        row.way,
        count(row.queries),
        kilobytes(row.samples[1]!),
        kilobytes(row.samples.at(-1)!),
        `${row.bytesPerQuery.toFixed(1)} bytes/query`,
      ]),
    })
  if (results.tenants)
    tables.push({
      title: 'Latency by number of tenants, one connection, loopback',
      head: ['way', 'tenants', 'median', 'against baseline', 'against fewest tenants'],
      rows: results.tenants.map((row) => [
        row.way,
        count(row.tenants),
        milliseconds(row.median),
        times(row.ratio),
        times(row.growth),
      ]),
    })
  if (results.policies) tables.push(...policyTables(results.policies, results.effort))
  return tables
}

function kilobytes(bytes: number): string {
  return `${count(bytes / 1024)} kB`
}
