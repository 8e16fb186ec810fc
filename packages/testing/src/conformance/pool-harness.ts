import type pg from 'pg'
import type {
  ConformanceHarness,
  ConformanceSubject,
  HeldClient,
  OpenOptions,
  Row,
  SubjectTransaction,
  TransactionOptions,
} from './harness.ts'

/** A pool of node-postgres; one with transactions of its own is asked for them. */
export type ConformancePool = pg.Pool & {
  transaction?<Result>(
    work: (client: pg.PoolClient) => Promise<Result>,
    options?: TransactionOptions,
  ): Promise<Result>
}

/** The class that `pg-cursor` exports. */
export type CursorClass = new (
  text: string,
  values: unknown[],
) => pg.Submittable & { read(count: number): Promise<Row[]>; close(): Promise<void> }

/** What {@link poolHarness} takes. */
export interface PoolHarnessOptions {
  readonly name: string
  /** Makes the pool. */
  create(options: OpenOptions): ConformancePool
  /** `pg-cursor`, for streams; without it state the fact `streams`. */
  readonly Cursor?: CursorClass
  /** Whether transactions are written by hand, with BEGIN and SAVEPOINT, even if the pool has its own. */
  readonly transactionsByHand?: boolean
}

/**
 * The harness of a `pg.Pool` or something that stands in for one.
 *
 * @example
 * ```ts
 * poolHarness({
 *   name: 'TenantPool',
 *   create: ({ tenancy, connectionString, systemConnectionString, max }) =>
 *     new TenantPool({ tenancy, connectionString, max, system: { connectionString: systemConnectionString } }),
 * })
 * ```
 */
export function poolHarness(options: PoolHarnessOptions): ConformanceHarness {
  return { name: options.name, open: (given) => poolSubject(options.create(given), options) }
}

function poolSubject(pool: ConformancePool, options: PoolHarnessOptions): ConformanceSubject {
  const { Cursor } = options
  const own = options.transactionsByHand === true ? undefined : pool.transaction?.bind(pool)
  return {
    query: async (text, values) => rowsOf(await pool.query(text, values && [...values])),
    transaction: (work, given) =>
      own === undefined
        ? transactionByHand(pool, work, given)
        : own((client) => work(ownTransaction(own, client)), given),
    callbackQuery(text, values, callback) {
      pool.query(text, [...values], (error: Error | undefined, result?: pg.QueryResult<Row>) => {
        callback(error, result?.rows)
      })
    },
    prepared: async (name, text, values) => rowsOf(await pool.query({ name, text, values: [...values] })),
    checkout: async () => held(await pool.connect()),
    counts: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    close: () => pool.end(),
    ...(Cursor !== undefined && {
      stream: (text, values, batchSize) => cursorRows(pool, new Cursor(text, [...values]), batchSize),
    }),
  }
}

/** A text of several statements has several results. */
function rowsOf(result: pg.QueryResult<Row> | pg.QueryResult<Row>[]): Row[] {
  return [result].flat().flatMap(({ rows }) => rows)
}

const querying = (client: pg.PoolClient): SubjectTransaction['query'] => {
  return async (text, values) => rowsOf(await client.query<Row>(text, values && [...values]))
}

function held(client: pg.PoolClient): HeldClient {
  return { query: querying(client), release: () => client.release() }
}

function ownTransaction(
  own: NonNullable<ConformancePool['transaction']>,
  client: pg.PoolClient,
): SubjectTransaction {
  return {
    query: querying(client),
    transaction: (work) => own((nested) => work(ownTransaction(own, nested))),
  }
}

/** A transaction as users of a plain pool write it. */
async function transactionByHand<Result>(
  pool: ConformancePool,
  work: (transaction: SubjectTransaction) => Promise<Result>,
  { isolation, readOnly }: TransactionOptions = {},
): Promise<Result> {
  const client = await pool.connect()
  let brokenBy: Error | undefined
  try {
    await client.query(
      `begin${isolation === undefined ? '' : ` isolation level ${isolation}`}${readOnly === true ? ' read only' : ''}`,
    )
    const result = await work(handWritten(client, 1))
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback').catch((failure: Error) => {
      brokenBy = failure
    })
    throw error
  } finally {
    client.release(brokenBy)
  }
}

function handWritten(client: pg.PoolClient, depth: number): SubjectTransaction {
  return {
    query: querying(client),
    async transaction(work) {
      const savepoint = `conformance_${depth}`
      await client.query(`savepoint ${savepoint}`)
      try {
        const result = await work(handWritten(client, depth + 1))
        await client.query(`release savepoint ${savepoint}`)
        return result
      } catch (error) {
        await client.query(`rollback to savepoint ${savepoint}`)
        throw error
      }
    },
  }
}

async function* cursorRows(
  pool: ConformancePool,
  cursor: InstanceType<CursorClass>,
  batchSize: number,
): AsyncGenerator<Row> {
  const client = await pool.connect()
  try {
    client.query(cursor)
    let failed = true
    try {
      for (;;) {
        const rows = await cursor.read(batchSize)
        failed = false
        if (rows.length === 0) return
        yield* rows
        failed = true
      }
    } finally {
      // A cursor that failed is closed, and on a connection that is gone it would wait for ever.
      if (!failed) await cursor.close()
    }
  } finally {
    client.release()
  }
}
