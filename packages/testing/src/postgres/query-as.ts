import pg from 'pg'

/** One row: column name to value. */
export type Row = Record<string, unknown>

/** Runs one statement and returns its rows. */
export type Query = <R extends Row = Row>(text: string, values?: readonly unknown[]) => Promise<R[]>

/** Milliseconds until a connection attempt is given up. */
const CONNECTION_TIMEOUT = 10_000

/**
 * Runs one statement on a connection of its own, a plain `pg.Client`, and returns the rows: what a test uses to
 * look at a database past everything under test.
 *
 * @param url A connection string, such as `database.urls.superuser`: it decides whose rights apply.
 * @param text The statement; several without values are allowed, and then the rows are the last one's.
 * @param values The values of `$1`, `$2`, ….
 *
 * @example
 * ```ts
 * const rows = await queryAs(database.urls.superuser, 'select * from projects where tenant_id = $1', [tenantId])
 * ```
 */
export async function queryAs<R extends Row = Row>(
  url: string,
  text: string,
  values?: readonly unknown[],
): Promise<R[]> {
  return withClient(url, (client) => queryWith(client)<R>(text, values))
}

/** {@link Query} on a connected client. */
export function queryWith(client: pg.Client): Query {
  return async <R extends Row>(text: string, values?: readonly unknown[]): Promise<R[]> => {
    // Several statements in one text give an array of results, which the types of pg do not mention.
    const results = [await client.query<R>(text, values && [...values])].flat()
    return results.at(-1)?.rows ?? []
  }
}

/** Connects, does the work and disconnects, whatever happens in between. */
export async function withClient<Result>(
  url: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECTION_TIMEOUT })
  // A connection lost between two queries fails the next one; without a listener it would end the process.
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    // Failing to say goodbye must not hide the first error.
    await client.end().catch(() => {})
  }
}
