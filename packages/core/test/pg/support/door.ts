/** A door that stays shut until it is opened: how one side of a test waits for the other. */
export interface Door {
  readonly passed: Promise<void>
  readonly open: () => void
}

export function door(): Door {
  let open = (): void => {}
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { passed, open }
}
