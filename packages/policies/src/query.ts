/** One row: column name to value. */
export type Row = Readonly<Record<string, unknown>>

/**
 * How this package talks to PostgreSQL: any function that sends one statement and gives back its rows. It imports no
 * driver. All statements of one call have to go over **one connection**, because some of them are transactions.
 *
 * @param text One statement.
 * @param values The values of `$1`, `$2`, ….
 *
 * @example
 * ```ts no-run
 * const client = new pg.Client({ connectionString: process.env.OWNER_URL })
 * await client.connect()
 * const query: Query = (text, values) => client.query(text, values && [...values])
 * ```
 */
export type Query = (text: string, values?: readonly unknown[]) => Promise<{ readonly rows: readonly Row[] }>
