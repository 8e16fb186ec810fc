import type { Dataset } from '../dataset.ts'
import type { Rounds } from '../interleave.ts'
import { median, pairedRatio } from '../statistics.ts'
import type { ConnectionStrings, Way } from '../ways/way.ts'
import { measureLanes } from './latency.ts'

export interface TenantsRow {
  readonly way: string
  readonly tenants: number
  /** Median latency on loopback, in milliseconds. */
  readonly median: number
  /** Median of the rounds' ratios to the baseline in the same table. */
  readonly ratio: number
  /** Median of the rounds' ratios to the same way in the first table, the one of the fewest tenants. */
  readonly growth: number
}

/** Latency in tables of one size that are shared by few and by many tenants; the first way is the baseline. */
export async function measureTenants(
  ways: readonly Way[],
  connectionStrings: ConnectionStrings,
  datasets: readonly Dataset[],
  effort: Rounds,
): Promise<TenantsRow[]> {
  const lanes = datasets.flatMap((dataset) => ways.map((way) => ({ way, dataset })))
  const slices = await measureLanes(lanes, connectionStrings, effort)
  const medians = slices.map((ofLane) => ofLane.map((slice) => slice.median))
  return lanes.map(({ way, dataset }, lane) => {
    const placeOfWay = lane % ways.length
    return {
      way: way.title,
      tenants: dataset.tenants,
      median: median(medians[lane]!),
      ratio: pairedRatio(medians[lane]!, medians[lane - placeOfWay]!),
      growth: pairedRatio(medians[lane]!, medians[placeOfWay]!),
    }
  })
}
