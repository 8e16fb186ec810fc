import type { Context } from 'hono'
import { Problem } from './problem.ts'

/** What a field has to be: a check, and the words for it. */
interface Field<Value> {
  readonly isFine: (value: unknown) => value is Value
  readonly expectation: string
}

type Fields = Readonly<Record<string, Field<unknown>>>
type ValueOf<Given> = Given extends Field<infer Value> ? Value : never

// Control characters and lone surrogates have no place on one line, and PostgreSQL refuses some of them.
const unprintable = /[\p{Control}\p{Surrogate}]/u
const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export function text(longest: number): Field<string> {
  return {
    isFine: (value): value is string =>
      typeof value === 'string' && value.trim() !== '' && value.length <= longest && !unprintable.test(value),
    expectation: `text of 1 to ${longest} characters on one line`,
  }
}

export const flag: Field<boolean> = {
  isFine: (value) => typeof value === 'boolean',
  expectation: 'true or false',
}

export function oneOf<const Value extends string>(values: readonly Value[]): Field<Value> {
  return {
    isFine: (value): value is Value => values.includes(value as Value),
    expectation: `one of ${values.join(', ')}`,
  }
}

/** The body of a request with all of these fields and no others. */
export async function readBody<Given extends Fields>(
  context: Context,
  fields: Given,
): Promise<{ [Name in keyof Given]: ValueOf<Given[Name]> }> {
  const body = await readObject(context)
  const missing = Object.keys(fields).filter((name) => !Object.hasOwn(body, name))
  check(
    body,
    fields,
    missing.map((name) => `${name} is missing`),
  )
  return body as { [Name in keyof Given]: ValueOf<Given[Name]> }
}

/** The body of a request with some of these fields and no others. */
export async function readChanges<Given extends Fields>(
  context: Context,
  fields: Given,
): Promise<{ [Name in keyof Given]?: ValueOf<Given[Name]> }> {
  const body = await readObject(context)
  const none = Object.keys(body).length === 0
  check(body, fields, none ? [`give at least one of ${Object.keys(fields).join(', ')}`] : [])
  return body as { [Name in keyof Given]?: ValueOf<Given[Name]> }
}

/** The id in the path. */
export function readId(context: Context): string {
  const id = context.req.param('id') ?? ''
  if (!uuidPattern.test(id)) throw new Problem(400, 'The id in the path is not a UUID.')
  return id
}

async function readObject(context: Context): Promise<Record<string, unknown>> {
  let body: unknown
  try {
    body = JSON.parse(await context.req.text())
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new Problem(400, 'The body is not JSON.')
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new Problem(400, 'The body is not a JSON object.')
  }
  return body as Record<string, unknown>
}

function check(body: Record<string, unknown>, fields: Fields, details: string[]): void {
  for (const [name, value] of Object.entries(body)) {
    // hasOwn, because every object inherits fields such as constructor.
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (field === undefined) details.push(`${JSON.stringify(name.slice(0, 40))} is no field of this request`)
    else if (!field.isFine(value)) details.push(`${name} must be ${field.expectation}`)
  }
  if (details.length > 0) throw new Problem(400, 'The body is not right.', details)
}
