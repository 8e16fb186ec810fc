/** A name in SQL, of its parts: a schema's and a table's, or one alone. */
export function quotedName(...parts: readonly string[]): string {
  return parts.map((part) => `"${part.replaceAll('"', '""')}"`).join('.')
}
