// What Kysely's control connection sends to cancel a statement on another connection.
const CANCELLATION =
  /^\s*select\s+pg_(?:cancel|terminate)_backend\(\s*(?:\d+|\$1)\s*\)(?:\s+as\s+\w+)?\s*;?\s*$/i

/**
 * The query to send if a statement is exactly the cancellation of a backend, by number: the one thing that a client
 * outside of the pool may do, because it reads and writes no row. A fresh one, for what was given may be more than text.
 */
export function cancellationOf(
  config: unknown,
  values: unknown,
): { text: string; values: number[] } | undefined {
  const given =
    typeof config === 'string' ? { text: config, values } : (config as { text?: unknown; values?: unknown })
  if (given === null || typeof given !== 'object' || 'submit' in given) return undefined
  const text = given.text
  if (typeof text !== 'string' || !CANCELLATION.test(text)) return undefined
  const backends = Array.isArray(values) ? values : Array.isArray(given.values) ? given.values : []
  const numbers = backends.map(Number)
  return numbers.every(Number.isSafeInteger) ? { text, values: numbers } : undefined
}
