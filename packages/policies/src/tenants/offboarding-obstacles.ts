import { displayName, identifiers, qualified, sameName } from '../identifiers.ts'
import type { ResolvedTable, ResolvedTenancy } from '../model/resolved-tenancy.ts'
import type { Note } from '../plan/plan.ts'
import type { Problem } from '../problem.ts'
import { describeReference, type Reference, staysWithinTenant, writesOnDelete } from './references.ts'
import { type Access, accessTo, missingRight, partlyVisible, unreadableTables } from './table-access.ts'

/** Tables from which rows cannot be deleted in a way that can be relied on. */
export function unsupportedTables(tables: readonly ResolvedTable[]): Problem[] {
  return tables.flatMap(({ table }): Problem[] => {
    const object = displayName(table)
    if (table.kind === 'foreign') {
      const message = `${object} is a foreign table, whose rows are on another server.`
      return [
        { code: 'UNSUPPORTED_TABLE', object, message, fix: 'Delete there, and exclude it in the tenancy.' },
      ]
    }
    if (table.rules.length === 0) return []
    const message = `Rules (${table.rules.join(', ')}) turn statements on ${object} into others.`
    return [{ code: 'UNSUPPORTED_TABLE', object, message, fix: 'Drop the rules, or make triggers of them.' }]
  })
}

/**
 * Foreign keys that could carry the tenant and do not, and that change or delete rows: whether another tenant's row hangs
 * on one can be seen only until the next statement of that tenant.
 */
export function openReferences(references: readonly Reference[]): Problem[] {
  return references
    .filter(
      (reference) =>
        writesOnDelete(reference) &&
        isOwned(reference.source) &&
        isOwned(reference.target) &&
        !staysWithinTenant(reference, references),
    )
    .map((reference) => ({
      code: 'UNSUPPORTED_KEY',
      object: describeReference(reference),
      message:
        `ON DELETE ${reference.onDelete} of "${reference.name}", ${describeReference(reference)} to ` +
        `${displayName(reference.target.table)}, does not carry the tenant: it can reach rows of other tenants.`,
      fix: 'Apply the plan of planTenancy() first, which lets the key carry the tenant, and read the catalogue again.',
    }))
}

function isOwned(table: ResolvedTable | undefined): boolean {
  return table?.kind === 'tenant' || table?.kind === 'child'
}

/** What the connection's role lacks for deleting from `tables` with these foreign keys around. */
export function accessProblems(
  access: Access,
  tables: readonly ResolvedTable[],
  crossing: readonly Reference[],
): Problem[] {
  const deleted = tables.map(({ table }) => table)
  const asked = crossing.map(({ sourceTable }) => sourceTable)
  const outside = asked.filter((name, at) =>
    [...deleted, ...asked.slice(0, at)].every((other) => !sameName(name, other)),
  )
  const locked = new Set(crossing.filter(writesOnDelete).map(({ target }) => target))
  const read = [...deleted, ...outside]
  return [
    ...unreadableTables(access, read),
    ...read.filter((table) => accessTo(access, table)?.filtered).map((table) => partlyVisible(access, table)),
    ...deleted
      .filter((table) => accessTo(access, table)?.mayDelete === false)
      .map((table) => missingRight(access, table, 'DELETE')),
    ...tables
      .filter((table) => locked.has(table) && accessTo(access, table.table)?.mayLock === false)
      .map(({ table }) => missingRight(access, table, 'UPDATE')),
  ]
}

/** What a deletion does not cover, does besides, or takes long for. */
export function offboardingNotes(
  tenancy: ResolvedTenancy,
  tables: readonly ResolvedTable[],
  references: readonly Reference[],
): Note[] {
  return [
    ...triggerNotes(tables),
    ...copyNotes(tenancy),
    ...excludedNotes(tenancy),
    ...indexNotes(tenancy, references),
  ]
}

/** Without an index, 30,000 rows that refer to each other took 160 seconds instead of one. */
function indexNotes({ root }: ResolvedTenancy, references: readonly Reference[]): Note[] {
  return references
    .filter(({ source, target }) => source && source !== root && target !== root)
    .filter((reference) => !isIndexed(reference))
    .map((reference) => ({
      object: describeReference(reference),
      effect: 'information' as const,
      message:
        `No index helps "${reference.name}": for each row deleted from ${displayName(reference.target.table)}, ` +
        `PostgreSQL looks through ${displayName(reference.sourceTable)}.`,
      fix: `CREATE INDEX ON ${qualified(reference.sourceTable)} (${identifiers(reference.columns)})`,
    }))
}

function isIndexed({ source, columns }: Reference): boolean {
  return (source?.table.indexes ?? []).some((index) => {
    const leading = index.columns.slice(0, columns.length)
    return index.valid && !index.partial && columns.every((column) => leading.includes(column))
  })
}

function triggerNotes(tables: readonly ResolvedTable[]): Note[] {
  return tables.flatMap(({ table }) =>
    table.triggers
      .filter(({ enabled, definition }) => enabled && /^CREATE .*?\bDELETE\b.*? ON /.test(definition))
      .map((trigger) => ({
        object: displayName(table),
        effect: 'information' as const,
        message: `Trigger ${trigger.name} runs for the rows that are deleted. What it does is not looked at.`,
        fix: null,
      })),
  )
}

function copyNotes({ catalogue, tenantTables }: ResolvedTenancy): Note[] {
  return catalogue.views
    .filter(
      ({ kind, reaches }) =>
        kind === 'materialized' &&
        reaches.some((name) => tenantTables.some(({ table }) => sameName(table, name))),
    )
    .map((view) => ({
      object: displayName(view),
      effect: 'information' as const,
      message: `${displayName(view)} holds copies of the tenant's rows until it is refreshed.`,
      fix: `Refresh ${displayName(view)} afterwards.`,
    }))
}

function excludedNotes({ catalogue, tenancy, tenantTables, sharedTables }: ResolvedTenancy): Note[] {
  const modelled = [...tenantTables, ...sharedTables].flatMap(({ table, partitions }) => [
    table,
    ...partitions,
  ])
  return catalogue.tables
    .filter(
      (table) =>
        table.columns.some(({ name }) => name === tenancy.column) &&
        modelled.every((other) => !sameName(table, other)),
    )
    .map((table) => ({
      object: displayName(table),
      effect: 'information' as const,
      message: `${displayName(table)} has a column "${tenancy.column}" and is not part of the tenancy: its rows stay.`,
      fix: 'Delete them yourself, or make the table one of the tenancy.',
    }))
}
