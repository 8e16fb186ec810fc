import { TenantMismatchError, TenantRequiredError, type Scope, type Tenancy } from '@tenantry/core'
import { findTenantColumn, type ColumnMetadata, type EntityMetadata } from './find-tenant-column.ts'

/** What is about to happen to an entity. */
export interface EntityChange {
  readonly action: 'insert' | 'update' | 'remove'
  readonly metadata: EntityMetadata
  /** The entity, or the values that a query builder sets. Nothing for a query builder that deletes. */
  readonly entity?: object | undefined
  /** The row as it was read before `save` or `remove`. */
  readonly databaseEntity?: object | undefined
}

/**
 * Refuses a change to an entity that carries another tenant than the scope's, or refers to one that does.
 *
 * Without a scope it says nothing: the pool refuses the statement, or it runs on a connection whose tenant is known.
 *
 * @throws TenantMismatchError for another tenant
 * @throws TenantRequiredError for a new entity without a tenant where there is none to fill in
 */
export function checkEntity(tenancy: Tenancy, change: EntityChange): void {
  const { action, metadata, entity, databaseEntity } = change
  const scope = tenancy.current()
  if (scope === undefined || !isObject(entity)) return
  const column = findTenantColumn(metadata)
  const named = column === undefined ? [] : tenantsNamed(column, entity)
  const related = action === 'remove' ? [] : tenantsOfRelated(metadata, entity)
  const refuse = (value: unknown): never => {
    throw mismatch(change, value, scope)
  }
  for (const value of [...named, ...related]) {
    if (typeof value === 'function') {
      // An expression is sent with an insert, and the policies judge it. Updates leave the column out.
      if (action === 'update') refuse(value)
    } else if (
      scope.kind === 'tenant'
        ? !isTenant(tenancy, value, scope.tenantId)
        : scope.kind === 'none' && value !== null
    ) {
      refuse(value)
    }
  }
  if (column === undefined) return
  if (action === 'update' && scope.kind === 'system') {
    // The column is never updated: what is not the row's own tenant would be left out without a word.
    const own: unknown = databaseEntity === undefined ? undefined : column.getEntityValue(databaseEntity)
    for (const value of named) if (!isSame(tenancy, value, own)) refuse(value)
  }
  if (action === 'insert' && scope.kind !== 'tenant' && !column.isNullable) {
    const isGiven = [...named, ...related].some((value) => value !== null)
    if (!isGiven) throw tenantMissing(change, column, scope)
  }
}

/** The tenants that an entity says it belongs to: in its column and in the relation that shares it. */
function tenantsNamed(column: ColumnMetadata, entity: object): unknown[] {
  const own =
    column.embeddedMetadata === undefined
      ? (entity as Readonly<Record<string, unknown>>)[column.propertyName]
      : undefined
  return [column.getEntityValue(entity, true) as unknown, own].filter(
    (value) => value !== undefined && !(value === own && isObject(value)),
  )
}

/** The tenants of the entities that an entity refers to. A lazy relation that was not loaded is left alone. */
function tenantsOfRelated(metadata: EntityMetadata, entity: object): unknown[] {
  return relatedTo(metadata, entity).flatMap(({ metadata: other, entity: related }) => {
    const column = findTenantColumn(other)
    return column === undefined ? [] : tenantsNamed(column, related)
  })
}

/** The entities that another holds in its relations. */
export function relatedTo(
  metadata: EntityMetadata,
  entity: object,
): { metadata: EntityMetadata; entity: object }[] {
  return metadata.relations.flatMap((relation) =>
    [relation.getEntityValue(entity) as unknown]
      .flat()
      .filter(isObject)
      .map((related) => ({ metadata: relation.inverseEntityMetadata, entity: related })),
  )
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function isSame(tenancy: Tenancy, value: unknown, tenant: unknown): boolean {
  return value === tenant || (typeof tenant === 'string' && isTenant(tenancy, value, tenant))
}

/** Compares as the tenancy does: a UUID in capitals is the same tenant. */
function isTenant(tenancy: Tenancy, value: unknown, tenantId: string): boolean {
  if (value === tenantId) return true
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint') return false
  try {
    return tenancy.scopeOf(value).tenantId === tenantId
  } catch {
    return false
  }
}

function mismatch({ action, metadata }: EntityChange, value: unknown, scope: Scope): TenantMismatchError {
  const carried =
    typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint'
      ? `tenant ${JSON.stringify(String(value).slice(0, 64))}`
      : 'another tenant'
  if (action === 'update' && scope.kind === 'system') {
    return new TenantMismatchError(
      `An update of ${metadata.name} names ${carried}, and rows stay whose they are. Leave the tenant out of it; to move a ` +
        'row, insert it anew for the other tenant.',
    )
  }
  const current =
    scope.kind === 'tenant' ? `tenant ${JSON.stringify(scope.tenantId)}` : 'no tenant (withoutTenant)'
  return new TenantMismatchError(
    `${action} of ${metadata.name} was asked for ${current}, but the entity, or one it refers to, carries ${carried}. Change ` +
      'entities in the tenant they were read in, or leave the tenant out of new ones.',
  )
}

function tenantMissing(
  { metadata }: EntityChange,
  column: ColumnMetadata,
  scope: Scope,
): TenantRequiredError {
  return new TenantRequiredError(
    scope.kind === 'system'
      ? `insert of ${metadata.name} as the system has no tenant to fill in: set "${column.propertyName}".`
      : `insert of ${metadata.name} without a tenant: do it inside tenancy.run(tenant, fn).`,
  )
}
