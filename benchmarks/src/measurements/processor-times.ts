import { cpus } from 'node:os'
import { setTimeout } from 'node:timers/promises'

/** Milliseconds of all cores since the machine started. */
export interface ProcessorTimes {
  readonly idle: number
  readonly total: number
}

export function processorTimes(): ProcessorTimes {
  let idle = 0
  let total = 0
  for (const { times } of cpus()) {
    idle += times.idle
    total += times.user + times.nice + times.sys + times.idle + times.irq
  }
  return { idle, total }
}

/** Share of this machine's processor time that nobody has used since, 0 to 1. */
export function idleSince(before: ProcessorTimes): number {
  const after = processorTimes()
  // In a slice shorter than the kernel's clock tick, nothing at all is counted.
  return (after.idle - before.idle) / Math.max(1, after.total - before.total)
}

/** Share of the processors that others use now, 0 to 1. The load average would still count the build of a moment ago. */
export async function busyShare(): Promise<number> {
  const before = processorTimes()
  await setTimeout(2000)
  return 1 - idleSince(before)
}
