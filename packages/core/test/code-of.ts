import { TenantryError } from '../src/index.ts'

/** The code of the error that `fn` throws, `undefined` if it throws none. */
export function codeOf(fn: () => unknown): string | undefined {
  try {
    fn()
  } catch (error) {
    return TenantryError.isInstance(error) ? error.code : String(error)
  }
  return undefined
}
