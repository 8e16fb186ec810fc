// What Kysely's control connection sends to cancel a statement on another connection.
const CANCELLATION =
  /^\s*select\s+pg_(?:cancel|terminate)_backend\(\s*(?:\d+|\$1)\s*\)(?:\s+as\s+\w+)?\s*;?\s*$/i

/**
 * Whether a statement is exactly the cancellation of a backend, by number: the one thing that a client outside of the
 * pool may do, because it reads and writes no row.
 */
export function isCancellation(config: unknown, values: unknown): boolean {
  const text: unknown = typeof config === 'string' ? config : (config as { text?: unknown } | null)?.text
  if (typeof text !== 'string' || !CANCELLATION.test(text)) return false
  const given: unknown = Array.isArray(values) ? values : (config as { values?: unknown }).values
  if (given === undefined) return true
  return Array.isArray(given) && given.every((value) => Number.isSafeInteger(Number(value)))
}
