import { TenantPool } from '@tenantry/core/pg'
import type {
  ConformanceHarness,
  ConformanceRow,
  ConformanceSubject,
  OpenOptions,
  ProjectOperations,
  SubjectTransaction,
} from '@tenantry/testing'
import { eq, sql, type SQL } from 'drizzle-orm'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import { pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { drizzle, tenantId } from '../src/index.ts'
import { isDrizzle1 } from './drizzle-release.ts'

const projects = pgTable('projects', {
  tenantId: tenantId(),
  id: uuid('id').defaultRandom().notNull(),
  name: text('name').notNull(),
})

/** What a database and a transaction have in common here. */
type Executor = Pick<NodePgDatabase, 'execute' | 'transaction'>

/** The harness of Drizzle as its documentation opens it, with `drizzle()` of this package. */
export const drizzleHarness: ConformanceHarness = { name: 'Drizzle', open: openSubject }

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
    query: querying(db),
    transaction: (work, { isolation, readOnly } = {}) =>
      db.transaction((transaction) => work(subjectTransaction(transaction)), {
        ...(isolation !== undefined && { isolationLevel: isolation }),
        ...(readOnly === true && { accessMode: 'read only' }),
      }),
    prepared: (name, statement, values) => prepared(db, name, statement, values),
    operations: projectOperations(db),
    counts: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    close: () => pool.end(),
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

/** A text of several statements has several results: the rows are those of the last. */
function rowsOf(result: unknown): ConformanceRow[] {
  return [result as { rows: ConformanceRow[] }].flat().at(-1)?.rows ?? []
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
