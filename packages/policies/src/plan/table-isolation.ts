import type { Catalogue, Table } from '../catalogue/catalogue.ts'
import { identifier, qualified, type QualifiedName } from '../identifiers.ts'
import { defineTenancy } from '../model/define-tenancy.ts'
import type { ResolvedTable, ResolvedTenancy } from '../model/resolved-tenancy.ts'
import type { TenancyOptions } from '../model/tenancy.ts'
import { accessorSteps } from './accessor-steps.ts'
import { schemaGrants, tenantTableGrants } from './desired-grants.ts'
import { roleName } from './desired-policies.ts'
import { forceSteps } from './force-steps.ts'
import { grantsFor } from './grant-changes.ts'
import { grantSteps } from './grant-steps.ts'
import type { PlanContext, Step } from './plan.ts'
import { policySteps } from './policy-steps.ts'

/** What {@link tableIsolation} and {@link tenantFunctionIsolation} have to know of the tenancy. */
export interface IsolationOptions {
  /** The type of tenant ids, `'uuid'` by default. */
  readonly tenantId?: Exclude<TenancyOptions['tenantId'], undefined>
  /** The setting that carries the tenant's id, `'app.current_tenant_id'` by default, as in `@tenantry/core`. */
  readonly setting?: string
  /** What the application signs in as, `'tenantry_app'` by default. It has to exist. */
  readonly role?: string
  /** A role with BYPASSRLS for `asSystem`. Left out, no such role is granted anything. */
  readonly systemRole?: string
}

/** Options of {@link tableIsolation}. */
export interface TableIsolationOptions extends IsolationOptions {
  /** As the catalogue has it, without quotes. */
  readonly table: QualifiedName
  /** `'root'` for the table with one row a tenant, from which the application cannot delete; `'tenant'` by default. */
  readonly kind?: 'tenant' | 'root'
  /** The column with the tenant's id: `'tenant_id'` by default, and `'id'` in the root. */
  readonly column?: string
}

/** Statements, in order, for one transaction of whoever owns the table. Both may be run again. */
export interface Isolation {
  readonly enable: readonly string[]
  readonly disable: readonly string[]
}

/**
 * The SQL that keeps tenants apart in one table, for migrations written by hand: policies, ENABLE and FORCE as a plan of
 * {@link planTenancy} makes them, and the application's rights, after those that anybody had are taken back. Reads no
 * catalogue, so that it says nothing of columns, keys, indexes, sequences and partitions; a plan does.
 *
 * Disabling leaves neither role a right on the table: without policies it would see all tenants.
 *
 * @throws {TenantryError} `INVALID_TENANCY` for options that are no names, types or settings.
 *
 * @example
 * ```ts no-run
 * const { enable } = tableIsolation({ table: { schema: 'public', name: 'projects' }, tenantId: 'uuid' })
 * for (const statement of enable) await client.query(statement)
 * ```
 */
export function tableIsolation(options: TableIsolationOptions): Isolation {
  const { table, kind = 'tenant', column = kind === 'root' ? 'id' : 'tenant_id' } = options
  const model: ResolvedTable = { ...untouched, table: { ...bare, ...table }, kind, column }
  const context = contextOf(options, column, model)
  const { tenancy } = context.tenancy
  const protection = [...policySteps(context), ...forceSteps(context)]
  const target = { sql: `TABLE ${qualified(table)}`, grants: [], columnGrants: [] }
  const schema = { sql: `SCHEMA ${identifier(table.schema)}`, grants: [] }
  const rights = [
    grantsFor(emptyCatalogue, target, tenantTableGrants(context.tenancy, model)),
    grantsFor(emptyCatalogue, schema, schemaGrants(context.tenancy)),
  ]
  const { app, system } = tenancy.roles
  const revokeFrom = (...roles: readonly string[]): string =>
    `REVOKE ALL ON ${target.sql} FROM ${roles.map(roleName).join(', ')}`
  return {
    enable: [
      ...statementsOf(protection),
      revokeFrom('public', app),
      ...rights.flatMap(({ grants }) => grants),
    ],
    disable: [revokeFrom('public', app, ...(system === undefined ? [] : [system])), ...undoOf(protection)],
  }
}

/**
 * The SQL of the schema `tenantry` and of `tenantry.tenant_id()`, which defaults of tenant columns call: what has to be
 * there before the first table that is made with such a default.
 *
 * @throws {TenantryError} `INVALID_TENANCY` for options that are no names, types or settings.
 *
 * @example
 * ```ts no-run
 * const { enable } = tenantFunctionIsolation({ tenantId: 'uuid' })
 * for (const statement of enable) await client.query(statement)
 * ```
 */
export function tenantFunctionIsolation(options: IsolationOptions = {}): Isolation {
  const context = contextOf(options, 'tenant_id')
  const making = accessorSteps(context)
  return {
    enable: [...statementsOf(making), ...statementsOf(grantSteps(context))],
    disable: undoOf(making),
  }
}

function statementsOf(steps: readonly Step[]): readonly string[] {
  return steps.flatMap(({ statements }) => statements)
}

function undoOf(steps: readonly Step[]): readonly string[] {
  return steps.toReversed().flatMap(({ undo }) => undo)
}

/** A database with nothing but one table without protection, for which the builders of a plan then give all that is ours. */
function contextOf(options: IsolationOptions, column: string, model?: ResolvedTable): PlanContext {
  const { tenantId = 'uuid', setting, role, systemRole } = options
  const tenancy = defineTenancy({
    tenantTable: 'tenants',
    tenantId,
    column,
    ...(setting !== undefined && { setting }),
    roles: {
      ...(role !== undefined && { app: role }),
      ...(systemRole !== undefined && { system: systemRole }),
    },
  })
  const resolved: ResolvedTenancy = {
    tenancy,
    catalogue: emptyCatalogue,
    root: model ?? untouched,
    tenantType: tenantId,
    tenantTables: model === undefined ? [] : [model],
    sharedTables: [],
  }
  return { tenancy: resolved, shape: 'offline' }
}

const bare: Table = {
  schema: '',
  name: '',
  kind: 'table',
  owner: '',
  extension: null,
  partitionOf: null,
  partitionKey: null,
  inherits: [],
  rowSecurity: false,
  forceRowSecurity: false,
  estimatedRows: 0,
  pages: 0,
  columns: [],
  checks: [],
  foreignKeys: [],
  indexes: [],
  policies: [],
  triggers: [],
  grants: [],
  columnGrants: [],
  rules: [],
}

const untouched: ResolvedTable = {
  table: bare,
  kind: 'tenant',
  column: 'tenant_id',
  path: undefined,
  partitions: [],
  primaryKey: 'keep',
  globalKeys: [],
  queries: [],
}

const emptyCatalogue: Catalogue = {
  serverVersion: 0,
  // Somebody else's, so that no right on it is asked for.
  database: { name: '', owner: 'another', grants: [] },
  // A name that no role can have: nobody owns what is made, as far as grants are concerned.
  currentRole: '',
  schemas: [],
  roles: [],
  extensions: [],
  tables: [],
  views: [],
  functions: [],
  sequences: [],
}
