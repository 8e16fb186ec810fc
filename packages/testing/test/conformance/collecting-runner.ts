import type { ConformanceRunner } from '../../src/conformance/index.ts'

/** How one test of a collected suite ended. */
export interface Outcome {
  readonly group: string
  readonly title: string
  readonly status: 'passed' | 'failed' | 'skipped'
  readonly error?: unknown
  readonly milliseconds: number
}

interface Collected {
  readonly group: string
  readonly title: string
  readonly body: (() => Promise<void>) | undefined
}

/**
 * A test runner in memory, whose failing tests are values: for tests that a suite fails where it should.
 *
 * @param describeSuite describes the suite with the runner it is given
 * @param isSelected which of its groups to run; all by default
 */
export async function runSuite(
  describeSuite: (runner: ConformanceRunner) => void,
  isSelected: (group: string) => boolean = () => true,
): Promise<Outcome[]> {
  const setUps: (() => Promise<void>)[] = []
  const tearDowns: (() => Promise<void>)[] = []
  const collected: Collected[] = []
  const path: string[] = []
  describeSuite({
    describe(title, body) {
      path.push(title)
      body()
      path.pop()
    },
    test: Object.assign(
      (title: string, body: () => Promise<void>) => collected.push({ group: path.at(-1) ?? '', title, body }),
      { skip: (title: string) => collected.push({ group: path.at(-1) ?? '', title, body: undefined }) },
    ),
    beforeAll: (body) => setUps.push(body),
    afterAll: (body) => tearDowns.push(body),
  })

  const outcomes: Outcome[] = []
  try {
    for (const setUp of setUps) await setUp()
    for (const { group, title, body } of collected.filter((test) => isSelected(test.group))) {
      outcomes.push({ group, title, ...(await outcomeOf(body)) })
    }
  } finally {
    for (const tearDown of tearDowns) await tearDown()
  }
  return outcomes
}

async function outcomeOf(
  body: (() => Promise<void>) | undefined,
): Promise<Pick<Outcome, 'status' | 'error' | 'milliseconds'>> {
  if (body === undefined) return { status: 'skipped', milliseconds: 0 }
  const start = performance.now()
  try {
    await body()
    return { status: 'passed', milliseconds: performance.now() - start }
  } catch (error) {
    return { status: 'failed', error, milliseconds: performance.now() - start }
  }
}
