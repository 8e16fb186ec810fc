/** How long to measure: how often each entry has its turn, and how long a turn takes. */
export interface Rounds {
  readonly rounds: number
  readonly millisecondsPerRound: number
}

/**
 * Measures every entry once a round, in rounds: A B C, B C A, C A B, … Whatever drifts (clocks, caches, other
 * processes) then meets all entries alike, and so does the place in the order.
 *
 * @returns For each entry, in the order given, what was measured in each round.
 */
export async function interleave<Entry, Measured>(
  entries: readonly Entry[],
  rounds: number,
  measure: (entry: Entry) => Promise<Measured>,
): Promise<Measured[][]> {
  const measured: Measured[][] = entries.map(() => [])
  for (let round = 0; round < rounds; round += 1) {
    for (let place = 0; place < entries.length; place += 1) {
      const index = (round + place) % entries.length
      measured[index]!.push(await measure(entries[index]!))
    }
  }
  return measured
}
