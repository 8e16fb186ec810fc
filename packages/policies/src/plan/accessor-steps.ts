import type { DatabaseFunction, Table } from '../catalogue/catalogue.ts'
import { dollarQuoted } from '../dollar-quoted.ts'
import { identifier, literal, qualified } from '../identifiers.ts'
import type { ResolvedTenancy } from '../model/resolved-tenancy.ts'
import { accessStep } from './access-step.ts'
import { TENANTRY_SCHEMA, tenantFunction } from './accessor.ts'
import { grantsFor, restoredGrants } from './grant-changes.ts'
import type { PlanContext, Step } from './plan.ts'
import { doIf } from './sql-blocks.ts'
import { TENANT_DEFAULT, tenantFunctionBody } from './tenant-condition.ts'

/** The schema `tenantry`, the function behind the default of tenant columns, and who may call it. */
export function accessorSteps({ tenancy }: PlanContext): readonly Step[] {
  return [schemaStep(tenancy), functionStep(tenancy), callersStep(tenancy)].filter(
    (step) => step !== undefined,
  )
}

function schemaStep({ tenancy, catalogue }: ResolvedTenancy): Step | undefined {
  const { owner } = tenancy.roles
  const existing = catalogue.schemas.find(({ name }) => name === TENANTRY_SCHEMA)
  if (existing && (owner === undefined || existing.owner === owner)) return undefined
  const authorization = owner === undefined ? '' : ` AUTHORIZATION ${identifier(owner)}`
  return accessStep({
    id: 'schema tenantry: create',
    phase: 'expand',
    statements: existing
      ? [`ALTER SCHEMA tenantry OWNER TO ${identifier(owner ?? existing.owner)}`]
      : [
          `CREATE SCHEMA IF NOT EXISTS tenantry${authorization}`,
          // Default privileges may have handed it out: https://www.postgresql.org/docs/current/sql-alterdefaultprivileges.html
          `REVOKE CREATE ON SCHEMA tenantry FROM PUBLIC, ${identifier(tenancy.roles.app)}`,
        ],
    undo: existing
      ? [`ALTER SCHEMA tenantry OWNER TO ${identifier(existing.owner)}`]
      : ['DROP SCHEMA IF EXISTS tenantry'],
    reason:
      'Functions of Tenantry have a schema of their own, in which the application role creates nothing.',
  })
}

function functionStep(tenancy: ResolvedTenancy): Step | undefined {
  const { existing, upToDate } = tenantFunction(tenancy)
  const { owner } = tenancy.tenancy.roles
  const create = createTenantFunction(tenancy)
  if (existing === undefined) {
    return accessStep({
      id: 'tenantry.tenant_id(): create',
      phase: 'expand',
      statements: [create, ...(owner === undefined ? [] : [functionOwner(owner)])],
      undo: ['DROP FUNCTION IF EXISTS tenantry.tenant_id()'],
      reason: `INSERTs need not name the tenant: the default of the tenant column takes it from ${tenancy.tenancy.setting}.`,
    })
  }
  const handOver = owner !== undefined && existing.owner !== owner
  if (upToDate && !handOver) return undefined
  return accessStep({
    id: 'tenantry.tenant_id(): replace',
    phase: 'expand',
    statements: [
      ...(upToDate ? [] : replacing(tenancy, existing, tenancy.tenantType, create)),
      ...(handOver ? [functionOwner(owner)] : []),
    ],
    undo: [
      ...(upToDate ? [] : replacing(tenancy, existing, existing.returns, recreate(existing))),
      ...(upToDate && !handOver ? [] : [functionOwner(existing.owner)]),
    ],
    reason:
      'It is not as the model says: it has to read the tenant from the setting, with the type of tenant ids.',
  })
}

/**
 * A function of another type has to go first, and with it the defaults that call it, for as long as the transaction takes.
 * If it is of the right type by then, it stays: more defaults may call it.
 */
function replacing(
  tenancy: ResolvedTenancy,
  existing: DatabaseFunction,
  returns: string | null,
  create: string,
): readonly string[] {
  if (existing.returns === tenancy.tenantType) return [create]
  const defaults = tenancy.catalogue.tables.flatMap((table) =>
    table.columns
      .filter((column) => column.default === TENANT_DEFAULT)
      .map(({ name }) => `${alter(table)} ALTER COLUMN ${identifier(name)}`),
  )
  const differs =
    `(SELECT pg_get_function_result(oid) <> ${literal(returns ?? '')} FROM pg_proc ` +
    `WHERE oid = to_regprocedure('tenantry.tenant_id()'))`
  const grants = existing.grants.filter(({ grantee }) => grantee !== existing.owner)
  return [
    doIf(differs, [
      ...defaults.map((column) => `${column} DROP DEFAULT`),
      'DROP FUNCTION tenantry.tenant_id()',
    ]),
    create,
    'REVOKE EXECUTE ON FUNCTION tenantry.tenant_id() FROM PUBLIC',
    ...restoredGrants('FUNCTION tenantry.tenant_id()', grants, []),
    ...defaults.map((column) => `${column} SET DEFAULT ${TENANT_DEFAULT}`),
  ]
}

function alter(table: Table): string {
  return `ALTER TABLE ONLY ${qualified(table)}`
}

function createTenantFunction(tenancy: ResolvedTenancy): string {
  return [
    'CREATE OR REPLACE FUNCTION tenantry.tenant_id()',
    `  RETURNS ${tenancy.tenantType}`,
    '  LANGUAGE sql STABLE PARALLEL SAFE SECURITY INVOKER',
    `  RETURN ${tenantFunctionBody(tenancy)}`,
  ].join('\n')
}

/** The function as the catalogue had it. */
function recreate(existing: DatabaseFunction): string {
  const standard = existing.language === 'sql' && /^(RETURN|BEGIN ATOMIC)\b/.test(existing.body)
  return [
    'CREATE OR REPLACE FUNCTION tenantry.tenant_id()',
    `  RETURNS ${existing.returns}`,
    `  LANGUAGE ${identifier(existing.language)} ${existing.volatility.toUpperCase()} PARALLEL ${existing.parallel.toUpperCase()}`,
    `  SECURITY ${existing.securityDefiner ? 'DEFINER' : 'INVOKER'}${existing.leakproof ? ' LEAKPROOF' : ''}`,
    ...existing.settings.map(settingClause),
    standard ? `  ${existing.body}` : `  AS ${dollarQuoted(existing.body)}`,
  ].join('\n')
}

/** Lists of names are kept as they are written; any other value is one string. */
function settingClause(setting: string): string {
  const [name = '', ...rest] = setting.split('=')
  const value = rest.join('=')
  return `  SET ${name} = ${name === 'search_path' ? value : literal(value)}`
}

function functionOwner(owner: string): string {
  return `ALTER FUNCTION tenantry.tenant_id() OWNER TO ${identifier(owner)}`
}

/** A default is worked out with the rights of whoever inserts. */
function callersStep(tenancy: ResolvedTenancy): Step | undefined {
  const { existing, target } = tenantFunction(tenancy)
  const { owner } = tenancy.tenancy.roles
  const changes = grantsFor(
    tenancy.catalogue,
    target,
    callers(tenancy)
      .filter((grantee) => grantee !== (owner ?? existing?.owner ?? tenancy.catalogue.currentRole))
      .map((grantee) => ({ grantee, wanted: ['EXECUTE'], tolerated: 'all' })),
  )
  if (changes.grants.length === 0) return undefined
  return accessStep({
    id: 'tenantry.tenant_id(): grants',
    phase: 'expand',
    statements: changes.grants,
    // Otherwise they go with the function.
    undo: existing ? changes.undo : [],
    reason: 'The default of the tenant column is worked out with the rights of whoever inserts.',
  })
}

/** The roles of the model, and whoever inserts into tables of tenants now. */
function callers({ tenancy, tenantTables }: ResolvedTenancy): readonly string[] {
  const { app, system } = tenancy.roles
  const tables = tenantTables.flatMap(({ table, partitions }) => [table, ...partitions])
  const inserting = tables.flatMap((table) => [
    table.owner,
    ...[...table.grants, ...table.columnGrants]
      .filter(({ privilege, grantee }) => privilege === 'INSERT' && grantee !== 'public')
      .map(({ grantee }) => grantee),
  ])
  return [...new Set([app, ...(system === undefined ? [] : [system]), ...inserting.sort()])]
}
