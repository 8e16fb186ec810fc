import Cursor from 'pg-cursor'
import type pg from 'pg'
import type { TenantPool } from '../../../src/pg/index.ts'
import { failureOf } from '../support/failure-of.ts'
import { insertProject } from '../support/projects.ts'
import { inTenant, PROJECTS, tenancy, tenantId } from '../support/tenants.ts'

/** Reads the projects that the tenant of the scope started with. */
export const OWN = "select tenant_id as tenant from projects where name like 'project%'"

/** The tenants of rows other than the one they should be of, or a wrong number of rows. */
function wrongRows(number: number, rows: unknown[]): string | undefined {
  const others = (rows as { tenant: string }[]).filter(({ tenant }) => tenant !== tenantId(number))
  if (others.length > 0) return `${number} was given rows of ${JSON.stringify(others)}`
  return rows.length === PROJECTS ? undefined : `${number} was given ${rows.length} rows`
}

/** One piece of work for a tenant; gives what was wrong with its results. */
export type Unit = (pool: TenantPool, number: number) => Promise<string | undefined>

/** Work that needs a server connection for one statement at a time. */
export const autocommitUnits: Record<string, Unit> = {
  async 'a statement'(pool, number) {
    return wrongRows(number, (await pool.query(OWN)).rows)
  },
  async 'a statement with values'(pool, number) {
    const { rows } = await pool.query('select tenant_id as tenant from projects where name like $1', [
      'project%',
    ])
    return wrongRows(number, rows)
  },
  async 'a write'(pool, number) {
    const { rows } = await pool.query<{ tenant: string }>(
      'insert into projects (name) values ($1) returning tenant_id as tenant',
      [`note of ${number}`],
    )
    return rows[0]?.tenant === tenantId(number) ? undefined : `${number} wrote for ${rows[0]?.tenant}`
  },
  async 'an update of everything'(pool, number) {
    const { rowCount } = await pool.query("update projects set status = 'seen' where name like 'project%'")
    return rowCount === PROJECTS ? undefined : `${number} updated ${rowCount}`
  },
  async 'several statements'(pool, number) {
    const results = (await pool.query(
      `select 1 as one; ${OWN}; select 2 as two`,
    )) as unknown as pg.QueryResult[]
    return results.length === 3 ? wrongRows(number, results[1]?.rows ?? []) : 'not three results'
  },
  async 'an error'(pool) {
    const error = await failureOf(pool.query('select 1 / $1::int', [0]))
    return error.code === '22012' ? undefined : String(error)
  },
  async 'an error among several'(pool) {
    const error = await failureOf(pool.query('select 1; select nothing; select 2'))
    return error.code === '42703' ? undefined : String(error)
  },
  async 'no tenant'(pool) {
    const { rows } = await tenancy.withoutTenant(() => pool.query(OWN))
    return rows.length === 0 ? undefined : 'rows without a tenant'
  },
  async 'two statements of one client'(pool, number) {
    const client = await pool.connect()
    try {
      return (
        wrongRows(number, (await client.query(OWN)).rows) ?? wrongRows(number, (await client.query(OWN)).rows)
      )
    } finally {
      client.release()
    }
  },
}

/** Work that needs one for a transaction. */
export const transactionUnits: Record<string, Unit> = {
  async 'a transaction'(pool, number) {
    return pool.transaction(async (client) => {
      await insertProject(client, `note of ${number}`)
      return wrongRows(number, (await client.query(OWN)).rows)
    })
  },
  async 'a transaction with a failing nested one'(pool, number) {
    return pool.transaction(async (client) => {
      await pool.transaction((inner) => inner.query('select 1 / 0')).catch(() => {})
      return wrongRows(number, (await client.query(OWN)).rows)
    })
  },
  async 'a transaction that is rolled back'(pool, number) {
    const error = await failureOf(
      pool.transaction(async (client) => {
        await insertProject(client, 'lost')
        const wrong = wrongRows(number, (await client.query(OWN)).rows)
        throw new Error(wrong ?? 'roll back')
      }),
    )
    return error.message === 'roll back' ? undefined : Promise.reject(error)
  },
  async 'a transaction by hand, of several statements each'(pool, number) {
    const client = await pool.connect()
    try {
      await client.query('begin; set transaction isolation level repeatable read')
      const results = (await client.query(`select 1; ${OWN}`)) as unknown as pg.QueryResult[]
      await client.query('savepoint s')
      await client.query('select nothing').catch(() => {})
      await client.query('rollback to s')
      const { rows } = await client.query(OWN)
      await client.query('commit')
      return wrongRows(number, results[1]?.rows ?? []) ?? wrongRows(number, rows)
    } catch (error) {
      await client.query('rollback')
      throw error
    } finally {
      client.release()
    }
  },
  async 'a cursor in a transaction'(pool, number) {
    return pool.transaction(async (client) => {
      const cursor = client.query(new Cursor<{ tenant: string }>(OWN))
      const rows = [...(await cursor.read(2)), ...(await cursor.read(2))]
      await cursor.close()
      return wrongRows(number, rows)
    })
  },
}

/** Runs so many units of all kinds at once, each for some tenant, and returns what went wrong, by kind. */
export async function runUnits(
  pool: TenantPool,
  units: Record<string, Unit>,
  count: number,
): Promise<string[]> {
  const kinds = Object.entries(units)
  const outcomes = await Promise.all(
    Array.from({ length: count }, (_, index) => {
      const [kind, unit] = kinds[index % kinds.length] as [string, Unit]
      const number = 1 + ((index * 37) % 100)
      return inTenant(number, () =>
        unit(pool, number).then(
          (wrong) => wrong && `${kind}: ${wrong}`,
          (error: Error & { code?: string }) => `${kind}: failed with ${error.code}: ${error.message}`,
        ),
      )
    }),
  )
  return outcomes.filter((outcome) => outcome !== undefined)
}
