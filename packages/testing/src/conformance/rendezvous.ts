/**
 * A meeting point: what it returns resolves once it has been called `parties` times, so that all of them are known to
 * be there at once.
 */
export function rendezvous(parties: number): () => Promise<void> {
  let missing = parties
  let open: () => void
  const met = new Promise<void>((resolve) => {
    open = resolve
  })
  return () => {
    missing -= 1
    if (missing === 0) open()
    return met
  }
}

/** A door that stays shut until it is opened. */
export interface Gate {
  readonly passed: Promise<void>
  open(): void
}

/** A promise and the function that resolves it. */
export function gate(): Gate {
  let open = (): void => {}
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { passed, open }
}
