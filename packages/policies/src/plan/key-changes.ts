import type { Index, Table } from '../catalogue/catalogue.ts'
import { displayName, identifier, ownName } from '../identifiers.ts'
import type { ResolvedTable, ResolvedTenancy } from '../model/resolved-tenancy.ts'
import { type ForeignKeyChange, foreignKeyChanges } from './foreign-key-changes.ts'
import {
  hasSameKeys,
  type IndexDefinition,
  isTarget,
  isWithoutTenantOnly,
  ledByTenant,
  refusesTheSame,
  withoutTenantOnly,
} from './index-definition.ts'
import { isPartOf } from './partitioned-index.ts'
import { perTenancy, type TenancyContext } from './per-tenancy.ts'
import { deepestFirst } from './tenant-path.ts'

/** A unique index or an exclusion constraint that spans all tenants, and what takes its place or stands beside it. */
export interface KeyChange {
  readonly owner: ResolvedTable
  /** The owner's table, or the partition that alone has the key. */
  readonly table: Table
  readonly old: Index
  readonly form: 'index' | 'primary key' | 'constraint'
  /** Of the new index, and of its constraint if it has one. */
  readonly name: string
  readonly wanted: IndexDefinition
  /** `PRIMARY KEY (…)`, `UNIQUE (…) DEFERRABLE`, `EXCLUDE …`; null for an index without a constraint. */
  readonly constraint: string | null
  /** Whether the old one goes, in the end. */
  readonly dropsOld: boolean
  /** The new one, if it is there and valid. */
  readonly existing: Index | undefined
  /** Whether it is the same as what takes the place of another key of the table, whose name it has then. */
  readonly shared: boolean
}

/** A key that goes on spanning all tenants. */
export interface KeptKey {
  readonly owner: ResolvedTable
  readonly table: Table
  readonly index: Index
  /**
   * `root`: of the tenant table. `chosen`: the model says so. `shared rows`: those have no tenant. `referenced`: by foreign
   * keys that stay. `needed`: by other objects, foreign keys among them. `published`: without the tenant, and rows are told apart by it. `identity`: of
   * rows of partitions, for logical replication. `no operator class`: needs the extension btree_gist. `unsupported`,
   * `invalid`: what the index is.
   */
  readonly reason:
    | 'root'
    | 'chosen'
    | 'shared rows'
    | 'referenced'
    | 'needed'
    | 'published'
    | 'identity'
    | 'no operator class'
    | 'unsupported'
    | 'invalid'
  /**
   * `referenced`: `table: constraint` of those foreign keys. `needed`: what needs it. `published`: the publications.
   * `identity`: the partitions.
   */
  readonly by: readonly string[]
}

/** The keys to build, replace or add, in the order of the tables. */
export function keyChanges(context: TenancyContext): readonly KeyChange[] {
  return examinedKeys(context).changes
}

/** The keys that go on spanning all tenants. */
export function keptKeys(context: TenancyContext): readonly KeptKey[] {
  return examinedKeys(context).kept
}

/** Whether PostgreSQL can only have the index as a part of the constraint, so that it cannot be built beforehand. */
export function isBuiltAtOnce({ old }: KeyChange): boolean {
  return old.constraint?.deferrable === true || old.constraint?.type === 'exclusion'
}

/**
 * The foreign keys that can only be added when a primary key is replaced: the primary key of a partitioned table is not made
 * from an index that is there, so that nothing could lead to it before.
 */
export function lateForeignKeys(context: TenancyContext, change: KeyChange): readonly ForeignKeyChange[] {
  if (change.form !== 'primary key' || change.table.kind !== 'partitioned') return []
  return foreignKeyChanges(context).filter(
    ({ parent, referencedColumns }) =>
      parent.table === change.table &&
      isTarget(change.wanted, referencedColumns) &&
      !change.table.indexes.some((index) => isUsableTarget(index, referencedColumns)),
  )
}

interface Examined {
  readonly changes: readonly KeyChange[]
  readonly kept: readonly KeptKey[]
}

const examinedKeys = perTenancy((context): Examined => {
  const { tenancy } = context
  const changes: KeyChange[] = []
  const kept: KeptKey[] = []
  const references = stayingReferences(context)
  for (const owner of tenancy.tenantTables) {
    for (const table of [owner.table, ...owner.partitions]) {
      for (const index of table.indexes) {
        if (index.inherited || isFine(owner, index)) continue
        const reason = reasonToKeep(context, owner, table, index, references)
        if (reason) kept.push({ owner, table, index, ...reason })
        else changes.push(...replacements(tenancy, owner, table, index))
      }
    }
  }
  return { changes: sharing([...changes, ...missingTargets(context, changes)]), kept }
})

function isFine(owner: ResolvedTable, index: Index): boolean {
  if (index.constraint?.type === 'exclusion') return index.columns.includes(owner.column)
  if (!index.unique || index.columns.includes(owner.column)) return true
  return owner.kind === 'shared+tenant' && isWithoutTenantOnly(index, owner.column)
}

function reasonToKeep(
  { tenancy }: TenancyContext,
  owner: ResolvedTable,
  table: Table,
  index: Index,
  references: ReadonlyMap<string, readonly string[]>,
): Pick<KeptKey, 'reason' | 'by'> | undefined {
  const because = (reason: KeptKey['reason'], ...by: string[]): Pick<KeptKey, 'reason' | 'by'> => {
    return { reason, by }
  }
  if (owner.kind === 'root') return because('root')
  if (owner.globalKeys.includes(index.name) || owner.globalKeys.includes(index.constraint?.name ?? '')) {
    return because('chosen')
  }
  if ((index.primary || index.replicaIdentity) && owner.kind === 'shared+tenant')
    return because('shared rows')
  if (index.primary && owner.primaryKey === 'keep') return because('chosen')
  if (!index.valid) return because('invalid')
  const replication = neededByReplication(owner, table, index)
  if (replication) return replication
  const referencing = stayingReferencesTo(owner, table, index, references)
  if (index.dependents.length > 0) return because('needed', ...referencing, ...index.dependents)
  if (index.constraint?.type === 'exclusion') {
    if (index.method === 'btree') return undefined
    if (index.method !== 'gist') return because('unsupported')
    return tenancy.catalogue.extensions.includes('btree_gist') ? undefined : because('no operator class')
  }
  if (index.method !== 'btree') return because('unsupported')
  return referencing.length > 0 ? because('referenced', ...referencing) : undefined
}

/** Those to partitions lead to parts of the key, which would go with it. */
function stayingReferencesTo(
  owner: ResolvedTable,
  table: Table,
  index: Index,
  references: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  if (index.constraint?.type === 'exclusion') return []
  return [table, ...deepestFirst(table, owner.partitions)].flatMap(
    (each) => references.get(referenceKey(each, index.columns)) ?? [],
  )
}

/**
 * Logical replication refuses updates and deletions where it tells rows apart by a column that is not published, or by an
 * index that is gone.
 */
function neededByReplication(
  owner: ResolvedTable,
  table: Table,
  index: Index,
): Pick<KeptKey, 'reason' | 'by'> | undefined {
  const parts = deepestFirst(table, owner.partitions).flatMap((partition) =>
    partition.indexes.filter((part) => isPartOf(part, index)).map((part) => ({ partition, part })),
  )
  const identified = parts.filter(({ part }) => part.replicaIdentity)
  if (identified.length > 0) {
    return { reason: 'identity', by: identified.map(({ partition }) => displayName(partition)) }
  }
  const without = [index, ...parts.map(({ part }) => part)]
    .flatMap(({ columnLists }) => columnLists)
    .filter(({ columns }) => !columns.includes(owner.column))
  const by = [...new Set(without.map(({ publication }) => publication))]
  return by.length > 0 ? { reason: 'published', by } : undefined
}

/** The keys that foreign keys lead to which the plan leaves as they are, of any table that the catalogue has. */
function stayingReferences(context: TenancyContext): ReadonlyMap<string, readonly string[]> {
  const leaving = new Set(
    foreignKeyChanges(context)
      .filter(({ keepsOld }) => !keepsOld)
      .map(({ old }) => old),
  )
  const staying = new Map<string, string[]>()
  for (const table of context.tenancy.catalogue.tables) {
    for (const foreignKey of table.foreignKeys) {
      if (foreignKey.inherited || leaving.has(foreignKey)) continue
      const key = referenceKey(foreignKey.references, foreignKey.referencedColumns)
      const by = staying.get(key) ?? []
      staying.set(key, [...by, `${displayName(table)}: ${foreignKey.name}`])
    }
  }
  return staying
}

function referenceKey(table: { schema: string; name: string }, columns: readonly (string | null)[]): string {
  const sorted = columns
    .map((column) => JSON.stringify(column))
    .toSorted((left, right) => (left < right ? -1 : 1))
  return JSON.stringify([table.schema, table.name, ...sorted])
}

function replacements(
  tenancy: ResolvedTenancy,
  owner: ResolvedTable,
  table: Table,
  old: Index,
): readonly KeyChange[] {
  const form = old.primary
    ? 'primary key'
    : old.constraint && (old.constraint.deferrable || old.constraint.type === 'exclusion')
      ? 'constraint'
      : 'index'
  const replacement = keyChange(tenancy, { owner, table, old, form, wanted: ledByTenant(old, owner.column) })
  if (owner.kind !== 'shared+tenant' || old.constraint?.type === 'exclusion') return [replacement]
  const wanted = withoutTenantOnly(old, owner.column)
  return [
    { ...keyChange(tenancy, { owner, table, old, form: 'index', wanted }, 'shared'), dropsOld: false },
    replacement,
  ]
}

/** Unique indexes with the tenant beside keys that stay, where a new foreign key has to lead to one. */
function missingTargets(context: TenancyContext, changes: readonly KeyChange[]): readonly KeyChange[] {
  const added: KeyChange[] = []
  for (const { parent, old, referencedColumns } of foreignKeyChanges(context)) {
    const there =
      parent.table.indexes.some((index) => isUsableTarget(index, referencedColumns)) ||
      [...changes, ...added].some(
        (change) =>
          change.table === parent.table &&
          change.form !== 'constraint' &&
          !isBuiltAtOnce(change) &&
          isTarget(change.wanted, referencedColumns),
      )
    const key = parent.table.indexes.find((index) => isUsableTarget(index, old.referencedColumns))
    if (there || !key) continue
    const wanted = ledByTenant(key, parent.column)
    const change = keyChange(context.tenancy, {
      owner: parent,
      table: parent.table,
      old: key,
      form: 'index',
      wanted,
    })
    added.push({ ...change, dropsOld: false })
  }
  return added
}

/** Several keys can have the same one in their place: then it is built once. */
function sharing(changes: readonly KeyChange[]): readonly KeyChange[] {
  return changes.map((change, at) => {
    if (change.form !== 'index' || change.existing) return change
    const same = changes.find(
      (other, place) =>
        other.table === change.table &&
        (other.form === 'primary key' ? other.table.kind !== 'partitioned' : place < at) &&
        !isBuiltAtOnce(other) &&
        hasSameKeys(other.wanted, change.wanted),
    )
    return same ? { ...change, name: same.name, shared: true } : change
  })
}

function isUsableTarget(index: Index, columns: readonly string[]): boolean {
  return index.unique && index.valid && index.constraint?.deferrable !== true && isTarget(index, columns)
}

type Wish = Pick<KeyChange, 'owner' | 'table' | 'old' | 'form' | 'wanted'>

function keyChange(tenancy: ResolvedTenancy, wish: Wish, suffix?: string): KeyChange {
  const { table, old, form, owner, wanted } = wish
  const constraint = form === 'index' ? null : constraintLedByTenant(old, owner.column)
  const fits = (index: Index): boolean =>
    index !== old &&
    index.valid &&
    (form === 'constraint'
      ? index.constraint?.definition === constraint
      : form === 'index'
        ? refusesTheSame(index, wanted)
        : index.constraint === null && index.body === wanted.body && index.unique)
  const usual = suffix === undefined ? ownName(old.name) : ownName(old.name, suffix)
  const taken = indexNames({ tenancy }).get(JSON.stringify([table.schema, usual]))
  const free = !taken || (taken.table === table && (fits(taken.index) || !taken.index.valid))
  const name = free ? usual : ownName(old.name, owner.column, ...(suffix === undefined ? [] : [suffix]))
  const existing = table.indexes.find(
    (index) => fits(index) && (form !== 'primary key' || index.name === name),
  )
  return { ...wish, name, constraint, dropsOld: true, existing, shared: false }
}

/** The tenant comes first in the first parentheses, which are those of the keys in every kind of constraint. */
function constraintLedByTenant({ constraint }: Index, column: string): string {
  const definition = constraint?.definition ?? ''
  const start = definition.indexOf('(') + 1
  const operator = constraint?.type === 'exclusion' ? ' WITH =' : ''
  return `${definition.slice(0, start)}${identifier(column)}${operator}, ${definition.slice(start)}`
}

interface NamedIndex {
  readonly table: Table
  readonly index: Index
}

const indexNames = perTenancy(
  ({ tenancy }): ReadonlyMap<string, NamedIndex> =>
    new Map(
      tenancy.catalogue.tables.flatMap((table) =>
        table.indexes.map((index): [string, NamedIndex] => [
          JSON.stringify([table.schema, index.name]),
          { table, index },
        ]),
      ),
    ),
)
