/**
 * The functions of a test runner that the suite uses. They are a parameter, so that this package depends on no runner;
 * assertions are those of `node:assert`. Vitest's and Jest's fit as they are; for `node:test`, pass
 * `{ describe, test, beforeAll: (body) => before(body), afterAll: (body) => after(body) }`.
 */
export interface ConformanceRunner {
  describe(title: string, body: () => void): unknown
  readonly test: ConformanceTestFunction
  /** @param timeout in milliseconds */
  beforeAll(body: () => Promise<void>, timeout?: number): unknown
  /** @param timeout in milliseconds */
  afterAll(body: () => Promise<void>, timeout?: number): unknown
}

/** The runner's `test`, with its `skip`. */
export interface ConformanceTestFunction {
  /** @param timeout in milliseconds */
  (title: string, body: () => Promise<void>, timeout?: number): unknown
  skip(title: string, body: () => Promise<void>): unknown
}
