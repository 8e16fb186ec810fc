/** How something answered a callback. */
export interface Answer<Result> {
  readonly error: (Error & { code?: string }) | null | undefined
  readonly result: Result | undefined
}

/** Hands a callback to `take` and waits until it is called. */
export function callsBack<Result = unknown>(
  take: (callback: (error: Error | null | undefined, result?: Result) => void) => unknown,
): Promise<Answer<Result>> {
  return new Promise((resolve) => {
    take((error, result) => resolve({ error: error, result }))
  })
}

/** The code of the error with which a promise is rejected, `undefined` if it is not. */
export async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}
