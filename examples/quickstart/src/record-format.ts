/** Says what is wrong with a value, or nothing when it is fine. */
type Check = (value: unknown) => string | undefined

function check(isFine: (value: unknown) => boolean, expectation: string): Check {
  return (value) => (isFine(value) ? undefined : `must be ${expectation}`)
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const uuid = check((value) => typeof value === 'string' && uuidPattern.test(value), 'a UUID')

// Control characters and lone surrogates have no place in a name or a title, and PostgreSQL refuses some of them.
const unprintable = /[\p{Control}\p{Surrogate}]/u
const text = (longest: number): Check =>
  check(
    (value) =>
      typeof value === 'string' && value.trim() !== '' && value.length <= longest && !unprintable.test(value),
    `text of 1 to ${longest} characters on one line`,
  )

const matching = (pattern: RegExp, expectation: string): Check =>
  check((value) => typeof value === 'string' && value.length <= 254 && pattern.test(value), expectation)

const oneOf = (...choices: string[]): Check =>
  check((value) => choices.includes(value as string), `one of ${choices.join(', ')}`)

const integer = (least: number, greatest: number): Check =>
  check(
    (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= greatest,
    `a whole number from ${least} to ${greatest}`,
  )

// Through Date and back, because Date turns February 30 into March 2 instead of refusing it.
const isRealDate = (day: string): boolean => {
  const date = new Date(`${day}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day)
}
const datePattern = /^(?!0000)\d{4}-\d\d-\d\d$/
const date = check(
  (value) => typeof value === 'string' && datePattern.test(value) && isRealDate(value),
  'a date such as 2026-03-31',
)
const timestampPattern = /^(?!0000)\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?Z$/
const timestamp = check(
  (value) => typeof value === 'string' && timestampPattern.test(value) && isRealDate(value.slice(0, 10)),
  'a UTC time such as 2026-03-31T09:30:00Z',
)

const nullable = (inner: Check): Check => {
  return (value) => {
    const wrong = value === null ? undefined : inner(value)
    return wrong && `${wrong}, or null`
  }
}

/** One kind of record: where it is stored, its fields, and which of them point at records of another kind. */
export interface RecordKind {
  table: string
  /** Named as the columns of the table; every field must be present. */
  fields: Record<string, Check>
  references: Record<string, string>
}

/** The data file's four kinds of record, in the order in which they can be inserted. */
export const recordKinds = {
  tenant: {
    table: 'tenants',
    fields: {
      id: uuid,
      name: text(200),
      plan: oneOf('free', 'team', 'business'),
      country: matching(/^[A-Z]{2}$/, 'a two-letter country code such as NL'),
      created_at: timestamp,
    },
    references: {},
  },
  user: {
    table: 'users',
    fields: {
      tenant_id: uuid,
      id: uuid,
      email: matching(
        /^[^\s@\p{Control}\p{Surrogate}]+@[^\s@\p{Control}\p{Surrogate}]+$/u,
        'an e-mail address',
      ),
      name: text(200),
      role: oneOf('admin', 'member', 'guest'),
      created_at: timestamp,
    },
    references: { tenant_id: 'tenant' },
  },
  project: {
    table: 'projects',
    fields: {
      tenant_id: uuid,
      id: uuid,
      owner_id: uuid,
      name: text(200),
      status: oneOf('active', 'paused', 'archived'),
      created_at: timestamp,
    },
    references: { tenant_id: 'tenant', owner_id: 'user' },
  },
  task: {
    table: 'tasks',
    fields: {
      tenant_id: uuid,
      id: uuid,
      project_id: uuid,
      assignee_id: nullable(uuid),
      title: text(500),
      status: oneOf('todo', 'doing', 'done'),
      priority: integer(1, 4),
      due_on: nullable(date),
      created_at: timestamp,
    },
    references: { tenant_id: 'tenant', project_id: 'project', assignee_id: 'user' },
  },
} as const satisfies Record<string, RecordKind>

/** The value of a record's `kind` field. */
export type KindName = keyof typeof recordKinds

/** The names of the kinds, parents before children. */
export const kindNames = Object.keys(recordKinds) as KindName[]
