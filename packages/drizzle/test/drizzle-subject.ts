import { TenantPool } from '@tenantry/core/pg'
import { tenantPostgres } from '@tenantry/core/postgres-js'
import type {
  ConformanceHarness,
  ConformanceRow,
  ConformanceSubject,
  OpenOptions,
  ProjectOperations,
  SubjectTransaction,
  TransactionOptions,
} from '@tenantry/testing'
import { eq, sql, type SQL } from 'drizzle-orm'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import { pgTable, text, uuid, type PgTransactionConfig } from 'drizzle-orm/pg-core'
import { tenantId } from '../src/index.ts'
import { drizzle } from '../src/node-postgres.ts'
import { drizzle as drizzleOnPostgresJs } from '../src/postgres-js.ts'
import { isDrizzle1 } from './drizzle-release.ts'

const projects = pgTable('projects', {
  tenantId: tenantId(),
  id: uuid('id').defaultRandom().notNull(),
  name: text('name').notNull(),
})

/** What a database and a transaction have in common here. */
type Executor = Pick<NodePgDatabase, 'execute' | 'transaction'>

/** The harness of Drizzle on node-postgres, with `drizzle()` of this package. */
export const drizzleHarness: ConformanceHarness = {
  name: 'Drizzle on node-postgres',
  open: openSubject,
}

/** The same on postgres.js. */
export const postgresJsHarness: ConformanceHarness = {
  name: 'Drizzle on postgres.js',
  open({ tenancy, connectionString, systemConnectionString, max }) {
    const client = tenantPostgres(connectionString, {
      tenancy,
      max,
      ...(systemConnectionString !== undefined && { system: { url: systemConnectionString } }),
    })
    // The types of 1.0 know other results of `execute`; what is used here is the same in both.
    const db = drizzleOnPostgresJs({ client }) as unknown as NodePgDatabase
    return { ...subjectOf(db), close: () => client.end() }
  },
}

function openSubject(options: OpenOptions): ConformanceSubject {
  const { tenancy, connectionString, systemConnectionString, max } = options
  const pool = new TenantPool({
    tenancy,
    connectionString,
    max,
    ...(systemConnectionString !== undefined && { system: { connectionString: systemConnectionString } }),
  })
  const db = drizzle({ client: pool })
  return {
    ...subjectOf(db),
    prepared: (name, statement, values) => prepared(db, name, statement, values),
    counts: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    close: () => pool.end(),
  }
}

function subjectOf(db: NodePgDatabase): Omit<ConformanceSubject, 'close'> {
  return {
    query: querying(db),
    transaction: (work, options) =>
      db.transaction(
        (transaction) => work(subjectTransaction(transaction)),
        options && transactionConfig(options),
      ),
    operations: projectOperations(db),
  }
}

/** Undefined if empty: 0.45 on postgres.js makes `set transaction` without anything of an empty one. */
function transactionConfig({ isolation, readOnly }: TransactionOptions): PgTransactionConfig | undefined {
  if (isolation === undefined && readOnly !== true) return undefined
  return {
    ...(isolation !== undefined && { isolationLevel: isolation }),
    ...(readOnly === true && { accessMode: 'read only' }),
  }
}

function subjectTransaction(transaction: Executor): SubjectTransaction {
  return {
    query: querying(transaction),
    transaction: (work) => transaction.transaction((inner) => work(subjectTransaction(inner))),
  }
}

function querying(db: Executor): ConformanceSubject['query'] {
  return async (statement, values) => rowsOf(await db.execute(asSql(statement, values)))
}

/** A text with `$1` the way Drizzle has it: as pieces with the values between them. */
function asSql(statement: string, values: readonly unknown[] = []): SQL {
  if (values.length === 0) return sql.raw(statement)
  const pieces = statement.split(/\$(\d+)/)
  return sql.join(
    pieces.map((piece, position) =>
      position % 2 === 0 ? sql.raw(piece) : sql`${sql.param(values[Number(piece) - 1])}`,
    ),
  )
}

/** The rows of a result: a list of postgres.js, an object of pg. Of several statements, those of the last. */
function rowsOf(result: unknown): ConformanceRow[] {
  const results = [result].flat() as (ConformanceRow[] | ConformanceRow)[]
  const last = results.at(-1)
  if (Array.isArray(last)) return [...last]
  return Array.isArray(last?.['rows']) ? (last['rows'] as ConformanceRow[]) : (results as ConformanceRow[])
}

/** What `prepare(name)` of the query builders ends in; it alone takes any text. */
async function prepared(
  db: NodePgDatabase,
  name: string,
  statement: string,
  values: readonly unknown[],
): Promise<ConformanceRow[]> {
  const session = db._.session as unknown as {
    prepareQuery(...parameters: unknown[]): { execute(): Promise<unknown> }
  }
  const query = { sql: statement, params: values }
  const parameters = isDrizzle1 ? [query, 'raw', name] : [query, undefined, name, false]
  return rowsOf(await session.prepareQuery(...parameters).execute())
}

function projectOperations(db: NodePgDatabase): ProjectOperations {
  const columns = {
    id: sql<string>`${projects.id}::text`,
    tenantId: sql<string>`${projects.tenantId}::text`,
    name: projects.name,
  }
  return {
    // A query of Drizzle starts where it is awaited; an async function makes that the scope it is called in.
    async list() {
      return db.select(columns).from(projects).orderBy(projects.id)
    },
    async find(id) {
      const [found] = await db.select(columns).from(projects).where(eq(projects.id, id))
      return found
    },
    async insert(name) {
      const [inserted] = await db.insert(projects).values({ name }).returning(columns)
      return inserted!
    },
    async updateAll(name) {
      await db.update(projects).set({ name })
    },
    async deleteAll() {
      await db.delete(projects)
    },
  }
}
