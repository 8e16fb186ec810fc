import type { LibrariesRow } from './measurements/libraries.ts'
import { milliseconds, times, verdict, type ReportTable } from './report-table.ts'

/** What Tenantry adds to each library: a table for each distance, and one of all of them in short. */
export function libraryTables(rows: readonly LibrariesRow[]): ReportTable[] {
  const networks = [...new Set(rows.map((row) => row.network))]
  const byNetwork = networks.map((network) => rows.filter((row) => row.network === network))
  return [...byNetwork.map(distanceTable), shortTable(rows, networks)]
}

function distanceTable(rows: readonly LibrariesRow[]): ReportTable {
  return {
    title: `Libraries: latency, one connection, ${rows[0]!.network}`,
    head: ['way', 'round trips', 'median', 'p95', 'against the same library', 'to reach', 'client CPU'],
    rows: rows.map((row) => [
      row.way,
      String(row.roundTrips),
      milliseconds(row.median),
      milliseconds(row.p95),
      times(row.ratio),
      row.reach === null ? '' : `${times(row.reach)}: ${verdict(asShown(row.ratio) <= row.reach)}`,
      `${row.clientCpu.toFixed(0)} µs`,
    ]),
  }
}

/** Judged as the table shows it: 0.90x does not miss 0.90x. */
function asShown(ratio: number): number {
  return Number(ratio.toFixed(2))
}

/** A row for each library and distance: its own latency, then how many times that the others take. */
function shortTable(rows: readonly LibrariesRow[], networks: readonly string[]): ReportTable {
  const libraries = [...new Set(rows.map((row) => row.library))]
  return {
    title: 'Libraries: Tenantry against the same library with a hand-written WHERE tenant_id = $1',
    head: ['library', 'distance', 'hand-written', 'Tenantry', 'Tenantry, prepare: true'],
    rows: libraries.flatMap((library) =>
      networks.flatMap((network) => {
        const [plain, ...scoped] = rows.filter((row) => row.library === library && row.network === network)
        if (plain === undefined) return []
        const [tenantry = '', prepared = ''] = scoped.map((row) => times(row.ratio))
        return [[library, network, milliseconds(plain.median), tenantry, prepared]]
      }),
    ),
  }
}
