/** The longest piece of a caller's value that an error message repeats. */
const ECHO_LIMIT = 64

/**
 * Names a value in an error message: scalars are quoted and cut, anything else is named by its kind, because the
 * text of an object can be long, secret or hostile.
 */
export function describeValue(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.length > ECHO_LIMIT
        ? `${JSON.stringify(value.slice(0, ECHO_LIMIT))}… (${value.length} characters)`
        : JSON.stringify(value)
    case 'number':
    case 'bigint':
    case 'boolean':
    case 'undefined':
      return String(value).slice(0, ECHO_LIMIT)
    case 'object':
      return value === null ? 'null' : Array.isArray(value) ? 'an array' : 'an object'
    default:
      return `a ${typeof value}`
  }
}
