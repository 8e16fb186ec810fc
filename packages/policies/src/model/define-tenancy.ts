import { TenantryError } from '../errors.ts'
import { LONGEST_NAME } from '../identifiers.ts'
import {
  checkOptionNames,
  type Mistakes,
  nameOf,
  namesOf,
  oneOf,
  properties,
  shown,
  tableNameOf,
} from './option-checks.ts'
import { parseTables } from './table-options.ts'
import type { TableOptions, Tenancy, TenancyOptions } from './tenancy.ts'

const OPTIONS = [
  'tenantTable',
  'tenantId',
  'column',
  'setting',
  'roles',
  'schemas',
  'tables',
  'primaryKeys',
  'updateGrants',
] as const satisfies readonly (keyof TenancyOptions)[]

const ROLES = ['app', 'owner', 'system'] as const
const TENANT_ID_TYPES = ['uuid', 'bigint', 'integer', 'smallint', 'text'] as const

// Two or more identifiers joined by dots: https://www.postgresql.org/docs/current/runtime-config-custom.html
const SETTING = /^[a-z_][a-z0-9_$]*(\.[a-z_][a-z0-9_$]*)+$/i

/** What people write for a type, and what PostgreSQL calls it. */
const TYPE_NAMES: ReadonlyMap<unknown, (typeof TENANT_ID_TYPES)[number]> = new Map([
  ['int', 'integer'],
  ['int2', 'smallint'],
  ['int4', 'integer'],
  ['int8', 'bigint'],
  ['number', 'integer'],
  ['serial', 'integer'],
  ['bigserial', 'bigint'],
  ['smallserial', 'smallint'],
  ['string', 'text'],
  ['varchar', 'text'],
  ['character varying', 'text'],
  ['UUID', 'uuid'],
] as const)

/**
 * Says how a database is divided among tenants: which table has one row a tenant, which column of the others names it,
 * and which tables are different. Checks what can be known without the database, fills in the defaults, and connects to
 * nothing; `resolveTenancy()` and `planTenancy()` compare it with a database.
 *
 * With `tenantTable` alone it fits a schema in which every table but the tenant table has a column `tenant_id`.
 *
 * @param options The tenancy, see {@link TenancyOptions}. Names are as the catalogue has them: without quotes, in their
 *   upper and lower case, tables with or without their schema.
 * @returns The same with its defaults, frozen.
 * @throws {TenantryError} `INVALID_TENANCY`; the message lists every mistake and what to write instead.
 *
 * @example
 * ```ts
 * const tenancy = defineTenancy({ tenantTable: 'tenants' })
 * ```
 *
 * @example A database in which the column has another name, and not every table has it
 * ```ts
 * const tenancy = defineTenancy({
 *   tenantTable: 'companies',
 *   column: 'company_id',
 *   roles: { app: 'crm_app', owner: 'crm_owner', system: 'crm_jobs' },
 *   tables: {
 *     // Belongs to a company through its deal; the plan adds company_id.
 *     deal_notes: 'child',
 *     // Could go by its task or by its author: this says which.
 *     comments: { kind: 'child', through: 'task_id', queries: [['task_id', 'created_at']] },
 *     // People sign in by e-mail address, before their company is known.
 *     users: { kind: 'tenant', globalKeys: ['users_email_key'] },
 *     countries: 'shared',
 *     // NULL: a template for everybody.
 *     templates: 'shared+tenant',
 *     audit_exports: 'excluded',
 *   },
 * })
 * ```
 */
export function defineTenancy(options: TenancyOptions): Tenancy {
  const mistakes: Mistakes = []
  const given = properties(options, 'The argument', mistakes)
  const tenancy = given && parse(given, mistakes)
  if (!tenancy || mistakes.length > 0) throw invalid(mistakes)
  return Object.freeze(tenancy)
}

/** The tables of a tenancy whose tenant table is yet to be found, checked like those of a whole one. */
export function defineAnswers(options: {
  readonly tables?: TenancyOptions['tables']
}): ReadonlyMap<string, TableOptions> {
  const mistakes: Mistakes = []
  const given = properties(options, 'The options of inferTenancy()', mistakes)
  const tables = parseTables(given?.get('tables'), mistakes)
  checkOptionNames(given?.keys() ?? [], ['tenantTable', 'schemas', 'tables'], 'inferTenancy()', mistakes)
  tableNameOf(given?.get('tenantTable'), 'tenantTable', mistakes)
  namesOf(given?.get('schemas'), 'schemas', 'schemas', mistakes)
  if (mistakes.length > 0) throw invalid(mistakes)
  return tables
}

function parse(given: ReadonlyMap<string, unknown>, mistakes: Mistakes): Tenancy | undefined {
  checkOptionNames(given.keys(), OPTIONS, 'defineTenancy()', mistakes)
  const tenantTable = tableNameOf(given.get('tenantTable'), 'tenantTable', mistakes)
  if (!given.has('tenantTable')) {
    mistakes.push('tenantTable is missing. Give the name of the table with one row a tenant.')
  }
  const tables = parseTables(given.get('tables'), mistakes)
  if (tenantTable !== undefined && tables.has(tenantTable)) {
    mistakes.push(`tables names ${shown(tenantTable)}, which is the tenant table itself. Leave it out there.`)
  }
  const tenancy = {
    tenantTable: tenantTable ?? '',
    tenantId: parseTenantId(given.get('tenantId'), mistakes),
    column: nameOf(given.get('column'), 'column', mistakes) ?? 'tenant_id',
    setting: parseSetting(given.get('setting'), mistakes),
    roles: parseRoles(given.get('roles'), mistakes),
    schemas: parseSchemas(given.get('schemas'), tenantTable, mistakes),
    tables: frozenMap(tables),
    primaryKeys:
      oneOf(given.get('primaryKeys'), ['composite', 'keep'] as const, 'primaryKeys', mistakes) ?? 'composite',
    updateGrants:
      oneOf(given.get('updateGrants'), ['table', 'columns'] as const, 'updateGrants', mistakes) ?? 'table',
  }
  return tenantTable === undefined ? undefined : tenancy
}

function parseTenantId(value: unknown, mistakes: Mistakes): Tenancy['tenantId'] {
  const meant = TYPE_NAMES.get(value)
  if (meant === undefined) return oneOf(value, TENANT_ID_TYPES, 'tenantId', mistakes)
  mistakes.push(`tenantId is ${shown(value)}. Did you mean "${meant}"?`)
  return undefined
}

function parseSetting(value: unknown, mistakes: Mistakes): string {
  const standard = 'app.current_tenant_id'
  if (value === undefined) return standard
  if (typeof value !== 'string' || !SETTING.test(value)) {
    mistakes.push(
      `setting is ${shown(value)}, which is no name for a PostgreSQL setting. ` +
        'Give two identifiers joined by a dot, such as "app.current_tenant_id".',
    )
    return standard
  }
  if (value.length > LONGEST_NAME) {
    mistakes.push(`setting is ${value.length} letters long. Give a name of at most ${LONGEST_NAME}.`)
  } else if (/^plpgsql\./i.test(value)) {
    mistakes.push(
      `setting is ${shown(value)}, but PostgreSQL keeps "plpgsql." to itself. Give another prefix.`,
    )
  }
  // PostgreSQL compares settings' names without case, and @tenantry/core sends them like this.
  return value.toLowerCase()
}

function parseRoles(value: unknown, mistakes: Mistakes): Tenancy['roles'] {
  const given = value === undefined ? undefined : properties(value, 'roles', mistakes)
  if (given) checkOptionNames(given.keys(), ROLES, 'roles', mistakes)
  const [app = 'tenantry_app', owner, system] = ROLES.map((role) =>
    roleOf(given?.get(role), `roles.${role}`, mistakes),
  )
  const clashes = [
    [app, 'app', owner, 'owner', 'Whoever owns a table can take its row level security off.'],
    [app, 'app', system, 'system', 'The system role passes every policy by.'],
    [
      owner,
      'owner',
      system,
      'system',
      'Background jobs that cross tenants would be able to change the tables.',
    ],
  ] as const
  for (const [left, leftRole, right, rightRole, why] of clashes) {
    if (left === undefined || left !== right) continue
    mistakes.push(
      `roles.${leftRole} and roles.${rightRole} are both ${shown(left)}. ${why} Give two roles, or leave one out.`,
    )
  }
  return Object.freeze({ app, owner, system })
}

function roleOf(value: unknown, where: string, mistakes: Mistakes): string | undefined {
  const name = nameOf(value, where, mistakes)
  if (name === undefined || !/^(public|none|pg_.*)$/s.test(name)) return name
  mistakes.push(`${where} is ${shown(name)}, which PostgreSQL keeps to itself. Give a role of your own.`)
  return undefined
}

function parseSchemas(
  value: unknown,
  tenantTable: string | undefined,
  mistakes: Mistakes,
): readonly string[] {
  const dot = tenantTable?.indexOf('.') ?? -1
  if (value === undefined) return Object.freeze([dot > 0 ? (tenantTable ?? '').slice(0, dot) : 'public'])
  if (Array.isArray(value) && value.length === 0) {
    mistakes.push("schemas is an empty list. Give at least one schema, such as ['public'], or leave it out.")
  }
  const schemas = namesOf(value, 'schemas', 'schemas', mistakes) ?? []
  for (const name of schemas) {
    if (name === 'tenantry') {
      mistakes.push('schemas names "tenantry", which is for Tenantry\'s own objects. Leave it out.')
    } else if (name === 'information_schema' || name.startsWith('pg_')) {
      mistakes.push(`schemas names ${shown(name)}, which is PostgreSQL's own. Leave it out.`)
    }
  }
  return schemas
}

/** A Map that refuses changes, which `Object.freeze` alone does not bring about. */
function frozenMap(map: Map<string, TableOptions>): ReadonlyMap<string, TableOptions> {
  const refuse = (): never => {
    throw new TypeError('A tenancy cannot be changed: define another one')
  }
  for (const method of ['set', 'delete', 'clear']) Object.defineProperty(map, method, { value: refuse })
  return Object.freeze(map)
}

function invalid(mistakes: readonly string[]): TenantryError {
  const [first, ...others] = mistakes
  const message =
    others.length === 0
      ? `The tenancy is not valid: ${first ?? ''}`
      : `The tenancy is not valid, for ${mistakes.length} reasons:\n${mistakes.map((each) => `- ${each}`).join('\n')}`
  return new TenantryError({ code: 'INVALID_TENANCY', message })
}
