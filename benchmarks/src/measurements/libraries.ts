import type { Dataset } from '../dataset.ts'
import type { Rounds } from '../interleave.ts'
import { distant, type Network } from '../network.ts'
import type { Library } from '../ways/library.ts'
import type { ConnectionStrings } from '../ways/way.ts'
import { measureLatency, type LatencyRow } from './latency.ts'
import { measureRoundTrips } from './round-trips.ts'

/** A way of a library; its ratio is to the library's own baseline. */
export interface LibrariesRow extends LatencyRow {
  readonly library: string
  readonly roundTrips: number
  /** What the ratio should be at most; null where nothing is aimed at. */
  readonly reach: number | null
}

/** A distance, and the libraries that are measured at it. */
export interface LibrariesAt {
  readonly network: Network
  readonly libraries: readonly Library[]
}

/** Opens the distances at which only some of the libraries are measured. */
export async function furtherPlaces(
  libraries: readonly Library[],
  connectionStrings: ConnectionStrings,
  roundTripOfAll: number,
): Promise<LibrariesAt[]> {
  const roundTrips = new Set(libraries.flatMap(({ furtherRoundTrips = [] }) => furtherRoundTrips))
  roundTrips.delete(roundTripOfAll)
  const places: LibrariesAt[] = []
  for (const roundTrip of roundTrips)
    places.push({
      network: await distant(connectionStrings, roundTrip),
      libraries: libraries.filter(({ furtherRoundTrips = [] }) => furtherRoundTrips.includes(roundTrip)),
    })
  return places
}

/** What Tenantry adds to each library. */
export async function measureLibraries(
  places: readonly LibrariesAt[],
  connectionStrings: ConnectionStrings,
  dataset: Dataset,
  effort: Rounds,
): Promise<LibrariesRow[]> {
  const ways = [...new Set(places.flatMap(({ libraries }) => libraries))].flatMap((library) => library.ways)
  const roundTrips = await measureRoundTrips(ways, connectionStrings, dataset)
  const rows: LibrariesRow[] = []
  for (const { network, libraries } of places) {
    const groups = libraries.map((library) => library.ways)
    const latency = await measureLatency(groups, network, dataset, effort)
    const lanes = libraries.flatMap((library) => library.ways.map((way) => ({ library, way })))
    for (const [index, { library, way }] of lanes.entries())
      rows.push({
        ...latency[index]!,
        library: library.title,
        roundTrips: roundTrips[ways.indexOf(way)]!.roundTrips,
        reach: way.reach?.[network.name] ?? null,
      })
  }
  return rows
}
