import { LONGEST_NAME } from '../identifiers.ts'
import { didYouMean, either } from './nearest-names.ts'

/** What is wrong with options, a sentence each. They are collected, so that one run shows all of them. */
export type Mistakes = string[]

/** A value as messages show it: short, and never its inner parts. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 64 ? `${value.slice(0, 64)}…` : value)
  if (value === null || ['undefined', 'boolean', 'number'].includes(typeof value)) return String(value)
  if (Array.isArray(value)) return value.length === 0 ? '[]' : 'a list'
  if (value instanceof Map) return 'a Map'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

/**
 * The own properties of an object that somebody wrote as `{ … }`, each read once; undefined, with a mistake, for
 * anything else. A prototype of its own may come from `{ __proto__: … }`, which says nothing about a table `__proto__`.
 */
export function properties(
  value: unknown,
  where: string,
  mistakes: Mistakes,
): ReadonlyMap<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Map) {
    mistakes.push(`${where} is ${shown(value)}. Give an object.`)
    return undefined
  }
  const prototype = Object.getPrototypeOf(value) as object | null
  const plain = prototype === null || Object.getPrototypeOf(prototype) === null
  if (!plain || (prototype && Object.keys(prototype).length > 0)) {
    mistakes.push(
      `${where} has a prototype of its own. Give a plain object; a name such as __proto__ is written ['__proto__'].`,
    )
    return undefined
  }
  return new Map(Object.entries(value).filter(([, each]) => each !== undefined))
}

/** Mistakes for names that are no options, or that are options of something else. */
export function checkOptionNames(
  given: Iterable<string>,
  known: readonly string[],
  where: string,
  mistakes: Mistakes,
): void {
  for (const name of given) {
    if (known.includes(name)) continue
    const meant = didYouMean(name, known)
    const rest = meant === '' ? ` There are ${either(known).replace(/ or ("[^"]*")$/, ' and $1')}.` : meant
    mistakes.push(`${where} has no option ${shown(name)}.${rest}`)
  }
}

/** The value if it is one of the list; undefined, with a mistake unless it was not given. */
export function oneOf<const Value extends string>(
  value: unknown,
  allowed: readonly Value[],
  where: string,
  mistakes: Mistakes,
): Value | undefined {
  if (value === undefined) return undefined
  const found = allowed.find((each) => each === value)
  if (found === undefined) {
    const meant = typeof value === 'string' ? didYouMean(value, allowed) : ''
    mistakes.push(`${where} is ${shown(value)}.${meant === '' ? ` Give ${either(allowed)}.` : meant}`)
  }
  return found
}

/** The value if PostgreSQL could have something of that name; undefined, with a mistake unless it was not given. */
export function nameOf(value: unknown, where: string, mistakes: Mistakes): string | undefined {
  if (value === undefined) return undefined
  const mistake = mistakeInName(value, LONGEST_NAME)
  if (mistake !== undefined) mistakes.push(`${where} ${mistake}`)
  return mistake === undefined ? (value as string) : undefined
}

/** Like {@link nameOf}, for a table's name with or without its schema: two names and a dot. */
export function tableNameOf(value: unknown, where: string, mistakes: Mistakes): string | undefined {
  if (value === undefined) return undefined
  const mistake = mistakeInName(value, 2 * LONGEST_NAME + 1) ?? partTooLong(value as string)
  if (mistake !== undefined) mistakes.push(`${where} ${mistake}`)
  return mistake === undefined ? (value as string) : undefined
}

/** A list of names without repetition; undefined, with a mistake unless it was not given. */
export function namesOf(
  value: unknown,
  where: string,
  what: string,
  mistakes: Mistakes,
): readonly string[] | undefined {
  if (value === undefined) return undefined
  if (!Array.isArray(value)) {
    mistakes.push(`${where} is ${shown(value)}. Give a list of ${what}.`)
    return undefined
  }
  // A copy, holes included.
  const given: readonly unknown[] = [...(value as readonly unknown[])]
  const names = given.map((each, index) =>
    each === undefined
      ? nameOf(null, `${where}[${index}]`, mistakes)
      : nameOf(each, `${where}[${index}]`, mistakes),
  )
  const known = names.filter((name) => name !== undefined)
  const repeated = known.filter((name, index) => known.indexOf(name) !== index)
  for (const name of new Set(repeated)) mistakes.push(`${where} names ${shown(name)} twice. Leave one out.`)
  return known.length === given.length && repeated.length === 0 ? Object.freeze(known) : undefined
}

function mistakeInName(value: unknown, longest: number): string | undefined {
  if (typeof value !== 'string') return `is ${shown(value)}. Give a name.`
  if (value === '') return 'is an empty name. Give the name as the catalogue has it.'
  if (value.includes('\0'))
    return `is ${shown(value)}, with a NUL character, which no name in PostgreSQL has.`
  if (Buffer.byteLength(value) > longest) return tooLong(value)
  return undefined
}

/** No table has such a name if, wherever the dot between schema and name is, one of them is too long. */
function partTooLong(value: string): string | undefined {
  const parts = value.split('.')
  const fits = parts.some((_, index) =>
    [parts.slice(0, index).join('.'), parts.slice(index).join('.')].every(
      (part) => Buffer.byteLength(part) <= LONGEST_NAME,
    ),
  )
  return fits ? undefined : tooLong(value)
}

function tooLong(value: string): string {
  return (
    `is ${shown(value)}, ${Buffer.byteLength(value)} bytes long: PostgreSQL cuts names after ${LONGEST_NAME} bytes. ` +
    'Give the name as the catalogue has it.'
  )
}
