/**
 * Which of the known names somebody may have meant, nearest first: other upper and lower case, quotes that do not belong
 * there, a few letters wrong, singular for plural.
 */
export function nearestNames(meant: string, known: Iterable<string>, limit = 3): readonly string[] {
  const target = comparable(meant)
  const ranked = [...new Set(known)]
    .map((name) => ({ name, distance: distanceOf(target, comparable(name)) }))
    .filter(({ distance }) => distance <= Math.min(3, Math.ceil(target.length / 3)))
    .sort((left, right) => left.distance - right.distance || (left.name < right.name ? -1 : 1))
  return ranked
    .filter(({ distance }) => distance <= (ranked[0]?.distance ?? 0) + 1)
    .slice(0, limit)
    .map(({ name }) => name)
}

/** ` Did you mean "tasks"?`, with the space before it, or nothing where no known name is near. */
export function didYouMean(meant: string, known: Iterable<string>): string {
  const names = nearestNames(meant, known)
  return names.length === 0 ? '' : ` Did you mean ${either(names)}?`
}

/** `"a"`, `"a" or "b"`, `"a", "b" or "c"`. */
export function either(names: readonly string[]): string {
  return joined(names, 'or')
}

/** `"a"`, `"a" and "b"`, `"a", "b" and "c"`. */
export function both(names: readonly string[]): string {
  return joined(names, 'and')
}

function joined(names: readonly string[], word: string): string {
  const quoted = names.map((name) => `"${name}"`)
  const last = quoted.pop() ?? ''
  return quoted.length === 0 ? last : `${quoted.join(', ')} ${word} ${last}`
}

function comparable(name: string): string {
  return name
    .slice(0, 200)
    .toLowerCase()
    .replaceAll(/["`'_\s-]/g, '')
}

/** How many letters have to be inserted, deleted, replaced or swapped with their neighbours. */
function distanceOf(left: string, right: string): number {
  const rows: number[][] = [Array.from({ length: right.length + 1 }, (_, column) => column)]
  const at = (row: number, column: number): number => rows[row]?.[column] ?? 0
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row]
    rows.push(current)
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1]
      const swapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]
      current.push(
        Math.min(
          at(row - 1, column - 1) + (same ? 0 : 1),
          at(row - 1, column) + 1,
          at(row, column - 1) + 1,
          row > 1 && column > 1 && swapped ? at(row - 2, column - 2) + 1 : Infinity,
        ),
      )
    }
  }
  return at(left.length, right.length)
}
