import { setTimeout as delay } from 'node:timers/promises'

/** How long a condition of the suite may take to come true, in milliseconds. */
export const DEFAULT_PATIENCE = 5_000

/**
 * Waits for something that must become true by itself, such as a backend's end, and for nothing else.
 *
 * @param unmet describes what is still missing, `undefined` once nothing is
 * @param patience in milliseconds
 * @throws Error with what is missing
 */
export async function until(
  unmet: () => Promise<string | undefined> | string | undefined,
  patience: number,
): Promise<void> {
  const deadline = performance.now() + patience
  for (;;) {
    const missing = await unmet()
    if (missing === undefined) return
    if (performance.now() > deadline) throw new Error(`after ${patience} ms: ${missing}`)
    await delay(2)
  }
}

/** Work that did not end in time. */
export class HungError extends Error {
  override readonly name = 'HungError'
}

/**
 * The result of `work`, or a {@link HungError} if it takes longer than a hung pool should be given.
 *
 * @param patience in milliseconds
 * @param describe adds to the error what the database knows about the hang
 */
export async function withinDeadline<Result>(
  work: Promise<Result>,
  patience: number,
  describe: () => Promise<string>,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  const expired = new Promise<'expired'>((resolve) => {
    timer = setTimeout(() => resolve('expired'), patience)
  })
  try {
    const first = await Promise.race([work.then((value) => ({ value })), expired])
    if (first !== 'expired') return first.value
  } finally {
    clearTimeout(timer)
  }
  throw new HungError(`it did not finish within ${patience} ms. ${await describe()}`)
}

/** Work that is awaited later on: should something else fail first, its own failure is nobody's business. */
export function begun<Result>(work: Promise<Result>): Promise<Result> {
  work.catch(() => undefined)
  return work
}
