import { describe, expect, test } from 'vitest'
import { asTenant } from '../../pg/support/as-tenant.ts'
import { TransactionPooler } from '../../pg/support/transaction-pooler.ts'
import { useDatabase } from '../../pg/support/use-database.ts'
import { openSql, whoseRows } from '../support/open-sql.ts'

const database = useDatabase()
const tenants = Array.from({ length: 150 }, (_, index) => index + 1)

describe('Behind a pooler that shares its sessions, and gives all of its clients the same key', () => {
  test('150 tenants see their own rows on two of them, in queries and transactions, unprepared', async () => {
    const pooler = await TransactionPooler.open(database.urls.app, 2)
    const sql = openSql(pooler.url, { prepare: false, max: 20 })
    const seen = await Promise.all(
      tenants.map((tenant) =>
        asTenant(tenant, async () => {
          const alone = await whoseRows(sql)
          const inTransaction = await sql.begin(async (transaction) => {
            const first = await whoseRows(transaction)
            return [...first, ...(await transaction.savepoint((inner) => whoseRows(inner)))]
          })
          const read: unknown[] = []
          for await (const rows of sql`select tenant_id from projects where ${tenant}::int > 0`.cursor(2)) {
            read.push(...rows.map(({ tenant_id: id }) => Number(String(id).slice(-12))))
          }
          return [...alone, ...inTransaction, ...read]
        }),
      ),
    )
    expect(seen).toEqual(tenants.map((tenant) => Array.from({ length: 6 }, () => tenant)))
    expect(pooler.handovers).toBeGreaterThan(tenants.length * 3)
  })

  test('prepared statements whose names it loses fail with the way out, and show nobody the rows of others', async () => {
    const pooler = await TransactionPooler.open(database.urls.app, 2)
    const sql = openSql(pooler.url, { max: 20 })
    const seen = await Promise.all(
      tenants.map((tenant) =>
        asTenant(tenant, () => whoseRows(sql)).catch((error: Error & { hint?: string }) => error),
      ),
    )
    const failures = seen.filter((answer) => answer instanceof Error)
    expect(failures.length).toBeGreaterThan(0)
    for (const failure of failures) expect(failure.hint).toContain('prepare: false')
    expect(seen).toEqual(seen.map((answer, index) => (answer instanceof Error ? answer : [index + 1])))
  })
})
