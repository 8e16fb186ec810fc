import type {
  ConformanceHarness,
  ConformanceRow,
  ConformanceSubject,
  HeldClient,
  OpenOptions,
  ProjectOperations,
  ProjectRow,
  SubjectTransaction,
  TransactionOptions,
} from '@tenantry/testing'
import type postgres from 'postgres'
import { tenantPostgres } from '../../../src/postgres-js/index.ts'
import type { TenantSql } from '../../../src/postgres-js/index.ts'

type Work<Result> = (transaction: SubjectTransaction) => Promise<Result>
type Transaction = <Result>(
  sql: TenantSql,
  work: Work<Result>,
  options: TransactionOptions,
) => Promise<Result>

/** The harness of `tenantPostgres` with `sql.begin` and `savepoint`. */
export const tenantSqlHarness: ConformanceHarness = {
  name: 'tenantPostgres',
  open: (options) => subject(options, {}, transaction),
}

/** The same without prepared statements, and with transactions written by hand on a reserved connection. */
export const transactionsByHand: ConformanceHarness = {
  name: 'tenantPostgres, prepare: false, BEGIN and COMMIT by hand',
  open: (options) => subject(options, { prepare: false }, transactionByHand),
}

function subject(
  { tenancy, connectionString, systemConnectionString, max }: OpenOptions,
  own: { prepare?: boolean },
  inTransaction: Transaction,
): ConformanceSubject {
  const sql = tenantPostgres(connectionString, {
    tenancy,
    max,
    onnotice: () => {},
    ...own,
    ...(systemConnectionString !== undefined && { system: { url: systemConnectionString } }),
  })
  return {
    query: querying(sql),
    transaction: (work, options) => inTransaction(sql, work, options ?? {}),
    // Named by postgres.js itself.
    prepared: async (_name, text, values) => [
      ...(await sql.unsafe(text, [...values] as string[], { prepare: true })),
    ],
    stream: (text, values, batchSize) => streamRows(sql, text, values, batchSize),
    checkout: () => reserve(sql),
    operations: projectOperations(sql),
    close: () => sql.end(),
  }
}

/** A text of several statements has several results. */
function querying(sql: postgres.ISql): SubjectTransaction['query'] {
  return async (text, values) => {
    const result: readonly unknown[] = await sql.unsafe(text, [...(values ?? [])] as string[])
    return result.flat() as ConformanceRow[]
  }
}

async function* streamRows(
  sql: postgres.Sql,
  text: string,
  values: readonly unknown[],
  batchSize: number,
): AsyncGenerator<ConformanceRow> {
  for await (const rows of sql.unsafe(text, [...values] as string[]).cursor(batchSize)) yield* rows
}

async function reserve(sql: postgres.Sql): Promise<HeldClient> {
  const reserved = await sql.reserve()
  return { query: querying(reserved), release: () => reserved.release() }
}

function transaction<Result>(
  sql: postgres.Sql,
  work: Work<Result>,
  { isolation, readOnly }: TransactionOptions,
): Promise<Result> {
  const options = [isolation && `isolation level ${isolation}`, readOnly === true && 'read only']
  return sql.begin(options.filter(Boolean).join(' '), (inner) => work(nesting(inner))) as Promise<Result>
}

function nesting(sql: postgres.TransactionSql): SubjectTransaction {
  return {
    query: querying(sql),
    transaction: <Result>(work: Work<Result>) =>
      sql.savepoint((inner) => work(nesting(inner))) as Promise<Result>,
  }
}

async function transactionByHand<Result>(
  sql: postgres.Sql,
  work: Work<Result>,
  { isolation, readOnly }: TransactionOptions,
): Promise<Result> {
  const reserved = await sql.reserve()
  try {
    await reserved`begin`
    if (isolation !== undefined) await reserved.unsafe(`set transaction isolation level ${isolation}`)
    if (readOnly === true) await reserved`set transaction read only`
    const result = await work(byHand(reserved, 1))
    await reserved`commit`
    return result
  } catch (error) {
    // On a connection that is gone it fails too, and hides nothing.
    await reserved`rollback`.catch(() => {})
    throw error
  } finally {
    reserved.release()
  }
}

function byHand(sql: postgres.ReservedSql, depth: number): SubjectTransaction {
  return {
    query: querying(sql),
    async transaction(work) {
      const name = sql(`level_${depth}`)
      await sql`savepoint ${name}`
      try {
        const result = await work(byHand(sql, depth + 1))
        await sql`release savepoint ${name}`
        return result
      } catch (error) {
        await sql`rollback to savepoint ${name}`
        throw error
      }
    },
  }
}

function projectOperations(sql: postgres.Sql): ProjectOperations {
  const columns = sql`id::text, tenant_id::text as "tenantId", name`
  return {
    // Started here: what is made in no scope would take that in which it is awaited.
    list: async () => [...(await sql<ProjectRow[]>`select ${columns} from projects order by id`)],
    async find(id) {
      const [row] = await sql<ProjectRow[]>`select ${columns} from projects where id = ${id}`
      return row
    },
    async insert(name) {
      const [row] = await sql<ProjectRow[]>`insert into projects ${sql({ name })} returning ${columns}`
      return row as ProjectRow
    },
    async updateAll(name) {
      await sql`update projects set ${sql({ name })}`
    },
    async deleteAll() {
      await sql`delete from projects`
    },
  }
}
