import type { Table } from '../catalogue/catalogue.ts'
import type { KnownTables } from '../model/known-tables.ts'
import type { TableOptions } from '../model/tenancy.ts'
import type { Confidence } from './inference.ts'
import type { Root, TenantColumn } from './tenant-columns.ts'

/** What a table could be, and what follows from it. */
export interface Option {
  readonly options: TableOptions
  readonly means: string
}

/** What one table looks like. */
export interface Judgement {
  readonly table: Table
  /** What to write in `tables`; undefined where people have to decide. */
  readonly options: TableOptions | undefined
  readonly column?: string | undefined
  readonly through?: readonly string[] | undefined
  readonly confidence: Confidence
  readonly reasons: readonly string[]
  /** What it could be besides; where people have to decide, all that it could be. */
  readonly choices?: readonly Option[]
  /** What people have to decide. */
  readonly question?: string
  /** Whether people have decided. */
  readonly given?: boolean
}

/** What the tables are judged by. */
export interface Evidence {
  readonly known: KnownTables
  readonly root: Root
  /** The tables' columns with tenants' ids. */
  readonly columns: ReadonlyMap<string, readonly TenantColumn[]>
  /** What most of them are called. */
  readonly common: string | undefined
  readonly given: ReadonlyMap<Table, TableOptions>
  /** The tables that refer to each. */
  readonly referrers: ReadonlyMap<Table, ReadonlySet<Table>>
  /** By what its rows are usually called elsewhere, each table whose key has one column. */
  readonly keys: ReadonlyMap<string, readonly Root[]>
}

export const EXCLUDED: Option = {
  options: { kind: 'excluded' },
  means: 'the application gets no access to it; what needs it goes through asSystem or a role of its own',
}

export const SHARED: Option = {
  options: { kind: 'shared' },
  means: 'every tenant reads all of its rows',
}
