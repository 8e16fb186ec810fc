import type { CheckConstraint, ForeignKey, ForeignKeyAction, Table } from '../catalogue/catalogue.ts'
import { displayName, identifier, identifiers, ownName, qualified, sameName } from '../identifiers.ts'
import type { ResolvedTable, ResolvedTenancy } from '../model/resolved-tenancy.ts'
import { perTenancy, type TenancyContext } from './per-tenancy.ts'

/** A foreign key that a row of one tenant could lead to a row of another by, and the one that takes its place. */
export interface ForeignKeyChange {
  readonly owner: ResolvedTable
  /** The owner's table, or the partition that alone has the key. */
  readonly table: Table
  readonly parent: ResolvedTable
  readonly old: ForeignKey
  /** Whether the old one stays, for an action that one with the tenant cannot have. */
  readonly keepsOld: boolean
  readonly name: string
  readonly columns: readonly string[]
  readonly referencedColumns: readonly string[]
  /** `FOREIGN KEY …`, without NOT VALID. */
  readonly definition: string
  /** The new one, if it is there already, validated or not. */
  readonly existing: ForeignKey | undefined
  /** Whether another foreign key of the table, before this one, is replaced by the same. */
  readonly shared: boolean
  /** What MATCH FULL also refused: some columns NULL and others not. */
  readonly fullMatch:
    | { readonly name: string; readonly definition: string; readonly existing: CheckConstraint | undefined }
    | undefined
}

/** A foreign key that stays as it is although it does not carry the tenant. */
export interface KeptForeignKey {
  readonly owner: ResolvedTable
  readonly table: Table
  readonly foreignKey: ForeignKey
  /**
   * `root`: leads to another tenant's own row. `shared rows`: those have no tenant to carry. `partition`: leads to one
   * partition only. `other tenant`: pairs the tenant with something else. `period`: cannot be rebuilt here. `clears tenant`:
   * carries it, and clears it too when the row it leads to is deleted.
   */
  readonly reason: 'root' | 'shared rows' | 'partition' | 'other tenant' | 'period' | 'clears tenant'
}

/** The foreign keys to replace, in the order of the tables. */
export function foreignKeyChanges(context: TenancyContext): readonly ForeignKeyChange[] {
  return examinedForeignKeys(context).changes
}

/** The foreign keys that are left alone although a tenant could lead a row to another by them. */
export function keptForeignKeys(context: TenancyContext): readonly KeptForeignKey[] {
  return examinedForeignKeys(context).kept
}

interface Examined {
  readonly changes: readonly ForeignKeyChange[]
  readonly kept: readonly KeptForeignKey[]
}

const examinedForeignKeys = perTenancy(({ tenancy }): Examined => {
  const changes: ForeignKeyChange[] = []
  const kept: KeptForeignKey[] = []
  const targets = targetsOf(tenancy)
  for (const owner of tenancy.tenantTables) {
    for (const table of [owner.table, ...owner.partitions]) {
      for (const foreignKey of table.foreignKeys) {
        const target = targets.get(displayName(foreignKey.references))
        if (!target || foreignKey.inherited || foreignKey.definition.endsWith(' NOT ENFORCED')) continue
        const verdict = examine(owner, foreignKey, target, tenancy.catalogue.serverVersion)
        if (verdict === 'replace')
          changes.push(shared(changeOf(tenancy, owner, table, target.parent, foreignKey), changes))
        else if (verdict !== 'fine') kept.push({ owner, table, foreignKey, reason: verdict })
      }
    }
  }
  return { changes, kept }
})

interface Target {
  readonly parent: ResolvedTable
  readonly partition: boolean
}

function targetsOf({ tenantTables }: ResolvedTenancy): ReadonlyMap<string, Target> {
  return new Map(
    tenantTables.flatMap((parent): [string, Target][] => [
      [displayName(parent.table), { parent, partition: false }],
      ...parent.partitions.map((table): [string, Target] => [
        displayName(table),
        { parent, partition: true },
      ]),
    ]),
  )
}

function examine(
  owner: ResolvedTable,
  foreignKey: ForeignKey,
  { parent, partition }: Target,
  serverVersion: number,
): KeptForeignKey['reason'] | 'fine' | 'replace' {
  if (carriesTenant(owner, parent, foreignKey)) {
    if (!clearsTenant(owner, foreignKey)) return 'fine'
    return parent.kind === 'root' || serverVersion < COLUMN_LISTS || partition ? 'clears tenant' : 'replace'
  }
  if (parent.kind === 'root') return 'root'
  if (partition) return 'partition'
  if (parent.kind === 'shared+tenant') return 'shared rows'
  if (/, PERIOD [^,)]+\)/.test(foreignKey.definition)) return 'period'
  const pairedOtherwise =
    foreignKey.columns.includes(owner.column) || foreignKey.referencedColumns.includes(parent.column)
  return pairedOtherwise ? 'other tenant' : 'replace'
}

export function carriesTenant(owner: ResolvedTable, parent: ResolvedTable, foreignKey: ForeignKey): boolean {
  return foreignKey.columns.some(
    (column, at) => column === owner.column && foreignKey.referencedColumns[at] === parent.column,
  )
}

/** `ON DELETE SET NULL (columns)` came with PostgreSQL 15. */
const COLUMN_LISTS = 150_000

function clears(action: ForeignKeyAction): boolean {
  return action === 'SET NULL' || action === 'SET DEFAULT'
}

function clearsTenant(owner: ResolvedTable, { onDelete, onDeleteColumns }: ForeignKey): boolean {
  return clears(onDelete) && (onDeleteColumns.length === 0 || onDeleteColumns.includes(owner.column))
}

function changeOf(
  { catalogue }: ResolvedTenancy,
  owner: ResolvedTable,
  table: Table,
  parent: ResolvedTable,
  old: ForeignKey,
): ForeignKeyChange {
  const carries = carriesTenant(owner, parent, old)
  const columns = carries ? old.columns : [owner.column, ...old.columns]
  const referencedColumns = carries ? old.referencedColumns : [parent.column, ...old.referencedColumns]
  const keepsOld = clears(old.onUpdate) || (catalogue.serverVersion < COLUMN_LISTS && clears(old.onDelete))
  const actions = keepsOld ? lateCheck : actionsOf(owner, old)
  const wanted = { references: old.references, columns, referencedColumns, ...actions }
  const existing = table.foreignKeys.find(
    (foreignKey) => foreignKey !== old && !foreignKey.inherited && isAsWanted(foreignKey, wanted),
  )
  return {
    owner,
    table,
    parent,
    old,
    keepsOld,
    name: existing?.name ?? ownName(old.name),
    columns,
    referencedColumns,
    definition: definitionOf(parent.table, wanted),
    existing,
    shared: false,
    fullMatch: fullMatchOf(table, old, keepsOld),
  }
}

function shared(change: ForeignKeyChange, earlier: readonly ForeignKeyChange[]): ForeignKeyChange {
  const same = earlier.find(
    ({ table, definition }) => table === change.table && definition === change.definition,
  )
  return same ? { ...change, name: same.name, existing: same.existing, shared: true } : change
}

type Actions = Pick<
  ForeignKey,
  'onUpdate' | 'onDelete' | 'onDeleteColumns' | 'deferrable' | 'initiallyDeferred'
>

type Wanted = Actions & Pick<ForeignKey, 'references' | 'columns' | 'referencedColumns'>

/**
 * Beside an old one with an action: that one acts at the end of the statement too, and which of both comes first depends on
 * their object identifiers. So the new one waits for the end of the transaction.
 */
const lateCheck: Actions = {
  onUpdate: 'NO ACTION',
  onDelete: 'NO ACTION',
  onDeleteColumns: [],
  deferrable: true,
  initiallyDeferred: true,
}

function actionsOf(owner: ResolvedTable, old: ForeignKey): Actions {
  const { onUpdate, onDelete, deferrable, initiallyDeferred } = old
  const cleared = old.onDeleteColumns.length > 0 ? old.onDeleteColumns : old.columns
  const onDeleteColumns = clears(onDelete) ? cleared.filter((column) => column !== owner.column) : []
  return { onUpdate, onDelete, onDeleteColumns, deferrable, initiallyDeferred }
}

function isAsWanted(foreignKey: ForeignKey, wanted: Wanted): boolean {
  return (
    sameName(foreignKey.references, wanted.references) &&
    samePairs(foreignKey, wanted) &&
    foreignKey.match === 'SIMPLE' &&
    foreignKey.onUpdate === wanted.onUpdate &&
    foreignKey.onDelete === wanted.onDelete &&
    sameSet(foreignKey.onDeleteColumns, wanted.onDeleteColumns) &&
    foreignKey.deferrable === wanted.deferrable &&
    foreignKey.initiallyDeferred === wanted.initiallyDeferred &&
    !foreignKey.definition.endsWith(' NOT ENFORCED')
  )
}

type Pairs = Pick<ForeignKey, 'columns' | 'referencedColumns'>

function samePairs(left: Pairs, right: Pairs): boolean {
  const pairs = ({ columns, referencedColumns }: Pairs): readonly string[] =>
    columns.map((column, at) => JSON.stringify([column, referencedColumns[at]]))
  return sameSet(pairs(left), pairs(right))
}

export function sameSet(left: readonly unknown[], right: readonly unknown[]): boolean {
  return left.length === right.length && left.every((each) => right.includes(each))
}

function definitionOf(parent: Table, wanted: Wanted): string {
  const { onUpdate, onDelete, onDeleteColumns, deferrable, initiallyDeferred } = wanted
  const list = onDeleteColumns.length > 0 ? ` (${identifiers(onDeleteColumns)})` : ''
  return [
    `FOREIGN KEY (${identifiers(wanted.columns)}) REFERENCES ${qualified(parent)} (${identifiers(wanted.referencedColumns)})`,
    onUpdate === 'NO ACTION' ? '' : ` ON UPDATE ${onUpdate}`,
    onDelete === 'NO ACTION' ? '' : ` ON DELETE ${onDelete}${list}`,
    deferrable ? ' DEFERRABLE' : '',
    initiallyDeferred ? ' INITIALLY DEFERRED' : '',
  ].join('')
}

function fullMatchOf(table: Table, old: ForeignKey, keepsOld: boolean): ForeignKeyChange['fullMatch'] {
  if (old.match !== 'FULL' || old.columns.length < 2 || keepsOld) return undefined
  const name = ownName(old.name, 'match_full')
  const columns = old.columns.map((column) => identifier(column)).join(', ')
  return {
    name,
    definition: `CHECK (num_nulls(${columns}) IN (0, ${old.columns.length}))`,
    existing: table.checks.find((check) => check.name === name),
  }
}
