// Uses a named statement with a value that cannot be converted, then with one that can. In a process of its own: before
// pg 8.17 the bytes of the first are left in what the process sends next, on whichever connection.
import pg from 'pg'

const client = new pg.Client({ connectionString: process.env['APP_URL'] })
client.on('error', () => {})
await client.connect()
const statement = { name: 'named', text: 'select $1::text as value' }
const broken = {
  toPostgres: () => {
    throw new Error('no such value')
  },
}
const send = async (value: unknown): Promise<unknown> =>
  (await client.query({ ...statement, values: [value] })).rows
send(broken).catch(() => {})
const late = new Promise((resolve) => setTimeout(resolve, 1_000, 'no answer'))
const second = send('right').then(
  () => 'answered',
  (error: unknown) => (error as { code?: string }).code,
)
console.log(`outcome: ${String(await Promise.race([second, late]))}`)
process.exit()
