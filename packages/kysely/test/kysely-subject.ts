import { TenantPool } from '@tenantry/core/pg'
import { tenantPostgres } from '@tenantry/core/postgres-js'
import type {
  ConformanceHarness,
  ConformanceSubject,
  HeldClient,
  OpenOptions,
  ProjectOperations,
  SubjectTransaction,
  TransactionOptions,
} from '@tenantry/testing'
import {
  CompiledQuery,
  Kysely,
  PostgresDialect,
  sql,
  type ControlledTransaction,
  type Generated,
} from 'kysely'
import { PostgresJSDialect } from 'kysely-postgres-js'
import Cursor from 'pg-cursor'
import type { TenantOwned } from '../src/index.ts'

/** The tables of `tenancySchema()` that the tests use. */
export interface Database {
  projects: TenantOwned<{ id: Generated<string>; name: string; status: Generated<string> }>
  tasks: TenantOwned<{ id: Generated<string>; project_id: string; title: string; done: Generated<boolean> }>
}

type Work<Result> = (transaction: SubjectTransaction) => Promise<Result>

/** Opens Kysely the way its own documentation does, on a TenantPool; nothing of Tenantry beside it. */
export function openKysely(pool: TenantPool): Kysely<Database> {
  return new Kysely<Database>({ dialect: new PostgresDialect({ pool, cursor: Cursor }) })
}

/** The harness of Kysely with `transaction().execute()`, which has no savepoints. */
export const kyselyHarness: ConformanceHarness = {
  name: 'Kysely',
  open: (options) => subject(options, transactionByCallback),
}

/** The harness of Kysely with `startTransaction()`, whose transactions are controlled by hand. */
export const controlledKyselyHarness: ConformanceHarness = {
  name: 'Kysely, controlled transactions',
  open: (options) => subject(options, controlledTransaction),
}

/** The harness of Kysely on postgres.js, by the dialect of kysely-postgres-js. */
export const postgresJsHarness: ConformanceHarness = {
  name: 'Kysely on postgres.js',
  open({ tenancy, connectionString, systemConnectionString, max }) {
    const client = tenantPostgres(connectionString, {
      tenancy,
      max,
      ...(systemConnectionString !== undefined && { system: { url: systemConnectionString } }),
    })
    return subjectOf(
      new Kysely<Database>({ dialect: new PostgresJSDialect({ postgres: client }) }),
      controlledTransaction,
    )
  },
}

type RunTransaction = <Result>(
  db: Kysely<Database>,
  work: Work<Result>,
  options: TransactionOptions,
) => Promise<Result>

function subject(
  { tenancy, connectionString, systemConnectionString, max }: OpenOptions,
  transaction: RunTransaction,
): ConformanceSubject {
  const pool = new TenantPool({
    tenancy,
    connectionString,
    max,
    ...(systemConnectionString !== undefined && { system: { connectionString: systemConnectionString } }),
  })
  return {
    ...subjectOf(openKysely(pool), transaction),
    counts: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
  }
}

function subjectOf(db: Kysely<Database>, transaction: RunTransaction): ConformanceSubject {
  return {
    query: querying(db),
    transaction: (work, options) => transaction(db, work, options ?? {}),
    stream: (text, values, batchSize) => streamRows(db, text, values, batchSize),
    checkout: () => holdConnection(db),
    operations: projectOperations(db),
    close: () => db.destroy(),
  }
}

function querying(db: Kysely<Database>): ConformanceSubject['query'] {
  return async (text, values) => {
    const { rows } = await db.executeQuery<Record<string, unknown>>(
      CompiledQuery.raw(text, [...(values ?? [])]),
    )
    return rows
  }
}

async function* streamRows(
  db: Kysely<Database>,
  text: string,
  values: readonly unknown[],
  batchSize: number,
): AsyncGenerator<Record<string, unknown>> {
  const compiled = CompiledQuery.raw(text, [...values]) as CompiledQuery<Record<string, unknown>>
  for await (const { rows } of db.getExecutor().stream(compiled, batchSize)) yield* rows
}

/** `connection()` holds one for as long as its callback runs. */
async function holdConnection(db: Kysely<Database>): Promise<HeldClient> {
  let release = (): void => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  let done = Promise.resolve()
  const held = await new Promise<Kysely<Database>>((resolve, reject) => {
    done = db.connection().execute(async (connection) => {
      resolve(connection)
      await released
    })
    done.catch(reject)
  })
  return {
    query: querying(held),
    async release() {
      release()
      await done
    },
  }
}

function projectOperations(db: Kysely<Database>): ProjectOperations {
  const columns = [
    sql<string>`id::text`.as('id'),
    sql<string>`tenant_id::text`.as('tenantId'),
    'name',
  ] as const
  return {
    list: () => db.selectFrom('projects').select(columns).orderBy('id').execute(),
    find: (id) => db.selectFrom('projects').select(columns).where('id', '=', id).executeTakeFirst(),
    insert: (name) => db.insertInto('projects').values({ name }).returning(columns).executeTakeFirstOrThrow(),
    async updateAll(name) {
      await db.updateTable('projects').set({ name }).execute()
    },
    async deleteAll() {
      await db.deleteFrom('projects').execute()
    },
  }
}

function transactionByCallback<Result>(
  db: Kysely<Database>,
  work: Work<Result>,
  { isolation, readOnly }: TransactionOptions,
): Promise<Result> {
  let builder = db.transaction()
  if (isolation !== undefined) builder = builder.setIsolationLevel(isolation)
  if (readOnly === true) builder = builder.setAccessMode('read only')
  return builder.execute((transaction) => work({ query: querying(transaction) }))
}

async function controlledTransaction<Result>(
  db: Kysely<Database>,
  work: Work<Result>,
  { isolation, readOnly }: TransactionOptions,
): Promise<Result> {
  let builder = db.startTransaction()
  if (isolation !== undefined) builder = builder.setIsolationLevel(isolation)
  if (readOnly === true) builder = builder.setAccessMode('read only')
  const transaction = await builder.execute()
  try {
    const result = await work(withSavepoints(transaction, 1))
    await transaction.commit().execute()
    return result
  } catch (error) {
    // As the documentation of Kysely has it, but that a rollback on a connection that is gone hides nothing.
    await transaction
      .rollback()
      .execute()
      .catch(() => {})
    throw error
  }
}

function withSavepoints(transaction: ControlledTransaction<Database>, depth: number): SubjectTransaction {
  return {
    query: querying(transaction),
    async transaction(work) {
      const name = `level_${depth}`
      const inner = await transaction.savepoint(name).execute()
      try {
        const result = await work(withSavepoints(inner, depth + 1))
        await inner.releaseSavepoint(name).execute()
        return result
      } catch (error) {
        await inner.rollbackToSavepoint(name).execute()
        throw error
      }
    },
  }
}
