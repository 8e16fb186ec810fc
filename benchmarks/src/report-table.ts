/** A table of results: a title, the heads of its columns, and its cells as text. */
export interface ReportTable {
  readonly title: string
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

export function milliseconds(value: number): string {
  return `${value.toFixed(3)} ms`
}

export function microseconds(value: number): string {
  return `${value.toFixed(value < 100 ? 1 : 0)} µs`
}

export function times(value: number): string {
  return `${value.toFixed(2)}x`
}

/** Of a whole, 0 to 1, as a percentage. */
export function share(value: number): string {
  return `${(value * 100).toFixed(0)}%`
}

/** Whether a number that something is measured by was reached. */
export function verdict(isReached: boolean): string {
  return isReached ? 'reached' : 'missed'
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en')
}
