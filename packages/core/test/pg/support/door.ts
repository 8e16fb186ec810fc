/** A door that stays shut until it is opened: how one side of a test waits for the other. */
export interface Door {
  readonly passed: Promise<void>
  readonly open: () => void
}

export function door(): Door {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { passed: promise, open: resolve }
}
