/**
 * The text of whatever `client.query` takes, `''` where it cannot be known. pg-query-stream keeps its text in the
 * cursor that it is made of.
 */
export function textOf(config: unknown): string {
  if (typeof config === 'string') return config
  const { text, cursor } = (config ?? {}) as { text?: unknown; cursor?: { text?: unknown } }
  const found = text ?? cursor?.text
  return typeof found === 'string' ? found : ''
}
