import { Bench } from './bench.ts'
import type { BenchOptions } from './bench.ts'
import type { Claim } from './group.ts'
import { withinDeadline } from './until.ts'

/**
 * Proves one claim on a bench of its own.
 *
 * @param deadline after which the work counts as hung, in milliseconds
 * @throws the first thing that was wrong
 */
export async function proveClaim(claim: Claim, options: BenchOptions, deadline: number): Promise<void> {
  const bench = new Bench(options)
  try {
    await withinDeadline(claim.prove(bench), deadline, async () => {
      const backends = await options.observer.rows(
        `select application_name, state, wait_event_type, left(query, 100) as query
         from pg_stat_activity where application_name like $1`,
        [`conformance-${process.pid}-%`],
      )
      return `The subject's backends: ${JSON.stringify(backends)}`
    })
    await bench.close()
  } catch (error) {
    await bench.abandon()
    throw error
  }
}
