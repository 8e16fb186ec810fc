import type { QualifiedName } from '../identifiers.ts'

/**
 * What a database contains, as far as tenancy is concerned: plain data without object identifiers, so that two readings
 * can be compared and one can be kept. Lists are sorted by schema and name (columns: by position), each in the same way in
 * every reading, so that two equal databases give deeply equal catalogues.
 */
export interface Catalogue {
  /** `server_version_num`, such as 180004. */
  readonly serverVersion: number
  readonly database: { readonly name: string; readonly owner: string; readonly grants: readonly Grant[] }
  /** The role that read the catalogue, which is the one that a plan would be applied as. */
  readonly currentRole: string
  /** The schemas that were asked for, and `tenantry` where it exists. Relations of these only are listed below. */
  readonly schemas: readonly Schema[]
  /** All roles of the server but the predefined ones (`pg_…`). */
  readonly roles: readonly Role[]
  /** Names of the installed extensions. */
  readonly extensions: readonly string[]
  /** Ordinary, partitioned and foreign tables, partitions included. */
  readonly tables: readonly Table[]
  readonly views: readonly View[]
  readonly functions: readonly DatabaseFunction[]
  readonly sequences: readonly Sequence[]
}

/** One entry of an access control list, the owner's and the built-in default entries written out. */
export interface Grant {
  /** The role, or `public` for everybody. */
  readonly grantee: string
  /** Such as `SELECT`, `TRUNCATE`, `USAGE`, `CREATE`, `EXECUTE`. */
  readonly privilege: string
  readonly grantable: boolean
}

/** A grant on one column, which stands beside those on the table. */
export interface ColumnGrant extends Grant {
  readonly column: string
}

export interface Schema {
  readonly name: string
  readonly owner: string
  readonly grants: readonly Grant[]
}

export interface Role {
  readonly name: string
  readonly superuser: boolean
  readonly bypassRowSecurity: boolean
  readonly login: boolean
  readonly inherit: boolean
  readonly createRole: boolean
  readonly createDatabase: boolean
  readonly replication: boolean
  /** Roles that this one is a direct member of, predefined ones (`pg_…`) included. */
  readonly memberOf: readonly Membership[]
}

export interface Membership {
  readonly role: string
  readonly admin: boolean
  /** Whether the member has the role's privileges without SET ROLE. Before PostgreSQL 16: the member's own `inherit`. */
  readonly inherit: boolean
  /** Whether the member may SET ROLE to it. Before PostgreSQL 16: true. */
  readonly set: boolean
}

export interface Table extends QualifiedName {
  readonly kind: 'table' | 'partitioned' | 'foreign'
  readonly owner: string
  /** The extension that made it, if one did. */
  readonly extension: string | null
  /** The table that this is a partition of. */
  readonly partitionOf: QualifiedName | null
  /** `pg_get_partkeydef`, such as `RANGE (at)`, of a partitioned table. */
  readonly partitionKey: string | null
  /** The tables it inherits from by INHERITS (not as a partition). */
  readonly inherits: readonly QualifiedName[]
  readonly rowSecurity: boolean
  readonly forceRowSecurity: boolean
  /** Rows as the planner last knew them; -1 if it never counted. Of no use for comparing catalogues, and 0 in {@link withoutSizes}. */
  readonly estimatedRows: number
  /** 8 kB pages on disk. */
  readonly pages: number
  readonly columns: readonly Column[]
  readonly checks: readonly CheckConstraint[]
  readonly foreignKeys: readonly ForeignKey[]
  /** All indexes, those behind primary keys, unique and exclusion constraints included. */
  readonly indexes: readonly Index[]
  readonly policies: readonly Policy[]
  /** Without the internal ones of foreign keys. */
  readonly triggers: readonly Trigger[]
  readonly grants: readonly Grant[]
  readonly columnGrants: readonly ColumnGrant[]
  /** Rules other than a view's own. */
  readonly rules: readonly string[]
}

export interface Column {
  readonly name: string
  /** As `format_type` writes it: `uuid`, `character varying(20)`, `public."My Domain"`. */
  readonly type: string
  /** The same without modifier, domains resolved to what they are over: `uuid`, `character varying`. */
  readonly baseType: string
  /** Whether no row has NULL in it, which a constraint that is NOT VALID does not say. */
  readonly notNull: boolean
  /** The NOT NULL constraint that is NOT VALID, which PostgreSQL 18 has: new rows have to obey it. */
  readonly unvalidatedNotNull: string | null
  /** The default as SQL; also the expression of a generated column. */
  readonly default: string | null
  readonly generated: 'stored' | 'virtual' | null
  readonly identity: 'always' | 'by default' | null
}

export interface CheckConstraint {
  readonly name: string
  /** `pg_get_constraintdef`: `CHECK ((tenant_id IS NOT NULL))`, with ` NOT VALID` where it is so. */
  readonly definition: string
  readonly validated: boolean
  /** Whether a parent table or partition root has it too (`coninhcount > 0`). */
  readonly inherited: boolean
}

export type ForeignKeyAction = 'NO ACTION' | 'RESTRICT' | 'CASCADE' | 'SET NULL' | 'SET DEFAULT'

export interface ForeignKey {
  readonly name: string
  readonly columns: readonly string[]
  readonly references: QualifiedName
  /** In the order of `columns`. */
  readonly referencedColumns: readonly string[]
  readonly onUpdate: ForeignKeyAction
  readonly onDelete: ForeignKeyAction
  /** The columns named in `ON DELETE SET NULL (…)`; empty where none are. */
  readonly onDeleteColumns: readonly string[]
  readonly match: 'SIMPLE' | 'FULL'
  readonly deferrable: boolean
  readonly initiallyDeferred: boolean
  readonly validated: boolean
  /** Whether it came from the partitioned table's own (`conparentid <> 0`). */
  readonly inherited: boolean
  /** `pg_get_constraintdef`. */
  readonly definition: string
}

export interface Index {
  readonly name: string
  /** `btree`, `gin`, …. */
  readonly method: string
  readonly unique: boolean
  readonly primary: boolean
  /** The constraint behind which it stands (`contype` p, u or x), if any. */
  readonly constraint: {
    readonly name: string
    readonly type: 'primary' | 'unique' | 'exclusion'
    readonly definition: string
    readonly deferrable: boolean
    readonly initiallyDeferred: boolean
  } | null
  /** Key columns in order; `null` where it is an expression. */
  readonly columns: readonly (string | null)[]
  /** INCLUDEd columns. */
  readonly included: readonly string[]
  /** Whether it has a WHERE, whose text is part of `body`. */
  readonly partial: boolean
  readonly nullsNotDistinct: boolean
  /** False while, or after, a CREATE INDEX CONCURRENTLY failed; and of a partitioned one until all partitions have theirs. */
  readonly valid: boolean
  /** Whether logical replication tells rows apart by it: `REPLICA IDENTITY USING INDEX`. */
  readonly replicaIdentity: boolean
  /**
   * What keeps it, or a part of it on a partition, from being dropped, besides foreign keys of the tables listed here:
   * `view public.totals`, `function public.add(integer)`, `billing.lines: lines_project_id_fkey`.
   */
  readonly dependents: readonly string[]
  /**
   * If logical replication tells rows apart by it: what the publications that send updates or deletions send of them, where
   * that is not all columns. PostgreSQL refuses both unless they send all of its columns. Empty before PostgreSQL 15.
   */
  readonly columnLists: readonly { readonly publication: string; readonly columns: readonly string[] }[]
  /** Whether it belongs to the partitioned table's own index. */
  readonly inherited: boolean
  /** `pg_get_indexdef`: the whole statement. */
  readonly definition: string
  /** What follows `USING method ` in it: `(lower(email)) WHERE (deleted_at IS NULL)`. */
  readonly body: string
  /** The predicate as `pg_get_expr` writes it. */
  readonly predicate: string | null
}

export type PolicyCommand = 'ALL' | 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE'

export interface Policy {
  readonly name: string
  readonly permissive: boolean
  readonly command: PolicyCommand
  /** Sorted; `public` for everybody. */
  readonly roles: readonly string[]
  /** `pg_get_expr`. */
  readonly using: string | null
  readonly check: string | null
}

export interface Trigger {
  readonly name: string
  readonly function: QualifiedName
  /** `pg_get_triggerdef`. */
  readonly definition: string
  readonly enabled: boolean
}

export interface View extends QualifiedName {
  readonly kind: 'view' | 'materialized'
  readonly owner: string
  readonly extension: string | null
  readonly securityInvoker: boolean
  readonly securityBarrier: boolean
  /** Tables and views that it names itself, of any schema but the system's. */
  readonly uses: readonly QualifiedName[]
  /** All tables that it reaches in the end, through other views too. */
  readonly reaches: readonly QualifiedName[]
  readonly grants: readonly Grant[]
  readonly columnGrants: readonly ColumnGrant[]
}

export interface DatabaseFunction extends QualifiedName {
  /** `pg_get_function_identity_arguments`: what tells overloads apart. */
  readonly arguments: string
  readonly kind: 'function' | 'procedure' | 'aggregate' | 'window'
  readonly owner: string
  readonly extension: string | null
  readonly language: string
  readonly returns: string | null
  readonly volatility: 'immutable' | 'stable' | 'volatile'
  readonly securityDefiner: boolean
  readonly leakproof: boolean
  readonly parallel: 'safe' | 'restricted' | 'unsafe'
  /** `SET` clauses: `search_path=pg_catalog, pg_temp`. */
  readonly settings: readonly string[]
  /** The body: `prosrc`, or the SQL-standard body as PostgreSQL writes it (`pg_get_function_sqlbody`). */
  readonly body: string
  readonly grants: readonly Grant[]
}

export interface Sequence extends QualifiedName {
  readonly owner: string
  /** The column that it belongs to and is dropped with: by identity, `serial` or OWNED BY. */
  readonly ownedBy: (QualifiedName & { readonly column: string; readonly identity: boolean }) | null
  /** All columns whose default or identity draws from it, of any schema: one sequence may serve several tables. */
  readonly usedBy: readonly (QualifiedName & { readonly column: string })[]
  readonly grants: readonly Grant[]
}
