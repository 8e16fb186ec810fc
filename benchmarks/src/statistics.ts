/** The value below which `share` (0 to 1) of the values lie. */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new RangeError('No values: a percentile needs at least one.')
  const sorted = values.toSorted((left, right) => left - right)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}

/**
 * How many times the baseline a way is: the median of the ratios of each round. What the machine does besides
 * slows down a whole round, so that the ratio within a round holds when the values themselves do not.
 */
export function pairedRatio(values: readonly number[], baseline: readonly number[]): number {
  return median(values.map((value, round) => value / baseline[round]!))
}
