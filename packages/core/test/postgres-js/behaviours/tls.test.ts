import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { asTenant } from '../../pg/support/as-tenant.ts'
import { codeOf } from '../../pg/support/calls-back.ts'
import { failureOf } from '../../pg/support/failure-of.ts'
import { openSql, whoseRows } from '../support/open-sql.ts'
import { sleepBegins } from '../support/sleep-begins.ts'
import { TamperingProxy } from '../support/tampering-proxy.ts'
import { certificate, TlsServer } from '../support/tls-server.ts'

let server: TlsServer

beforeAll(async () => {
  server = await TlsServer.start()
})
afterAll(() => server.stop())

type Sql = ReturnType<typeof openSql>

/** Whose rows a tenant's query shows, and whether the server has heard it through TLS. */
function heard(sql: Sql, tenant: number): Promise<[tenants: number[], secure: unknown]> {
  return asTenant(tenant, () =>
    sql.begin(async (transaction) => {
      const [row] = await transaction`select ssl from pg_stat_ssl where pid = pg_backend_pid()`
      return [await whoseRows(transaction), row?.['ssl']]
    }),
  )
}

const codeWith = (options: Parameters<typeof openSql>[1]): Promise<string | undefined> =>
  asTenant(1, () => codeOf(whoseRows(openSql(server.url, options))))

describe('TLS', () => {
  for (const ssl of ['require', 'prefer', 'allow'] as const) {
    test(`with ssl: '${ssl}' is spoken, and the scope underneath`, async () => {
      const sql = openSql(server.url, { ssl, max: 2 })
      const seen = await Promise.all([1, 2, 3, 4].map((tenant) => heard(sql, tenant)))
      expect(seen).toEqual([1, 2, 3, 4].map((tenant) => [[tenant], true]))
    })
  }

  test('is asked for by the connection string too', async () => {
    expect(await heard(openSql(`${server.url}?sslmode=require`), 1)).toEqual([[1], true])
    expect(await heard(openSql(`${server.url}?sslmode=disable`), 1)).toEqual([[1], false])
    const refused = openSql(`${server.url}?sslmode=verify-full`)
    expect(await asTenant(1, () => codeOf(whoseRows(refused)))).toBe('DEPTH_ZERO_SELF_SIGNED_CERT')
  })

  test('verifies the certificate and its name', async () => {
    expect(await codeWith({ ssl: true })).toBe('DEPTH_ZERO_SELF_SIGNED_CERT')
    expect(await codeWith({ ssl: 'verify-full' })).toBe('DEPTH_ZERO_SELF_SIGNED_CERT')
    const ca = await certificate('server.crt')
    expect(await heard(openSql(server.url, { ssl: { rejectUnauthorized: true, ca } }), 1)).toEqual([
      [1],
      true,
    ])
    expect(await codeWith({ ssl: { ca, servername: 'elsewhere.example' } })).toBe(
      'ERR_TLS_CERT_ALTNAME_INVALID',
    )
  })

  test('begins at once with sslnegotiation: direct', async () => {
    const sql = openSql(server.url, { ssl: 'require', sslnegotiation: 'direct' })
    expect(await heard(sql, 1)).toEqual([[1], true])
  })

  test('is spoken for large answers and rows that are copied', async () => {
    const sql = openSql(server.url, { ssl: 'require' })
    await asTenant(1, async () => {
      const [row] = await sql`select repeat('x', 3000000) as large`
      expect(row?.['large']).toHaveLength(3_000_000)
      let copied = 0
      const rows =
        await sql`copy (select repeat('x', 1000) from generate_series(1, 3000)) to stdout`.readable()
      for await (const chunk of rows) copied += (chunk as Buffer).length
      expect(copied).toBe(3000 * 1001)
    })
  })

  test('is spoken to cancel, too', async () => {
    const sql = openSql(server.url, { ssl: 'require' })
    const { query } = await asTenant(1, async () => ({ query: sql`select pg_sleep(60)`.execute() }))
    await sleepBegins(server.database)
    query.cancel()
    expect(await codeOf(query)).toBe('57014')
    expect(await heard(sql, 2)).toEqual([[2], true])
  })

  test('does not begin where somebody has slipped in words of his own', async () => {
    const proxy = await TamperingProxy.open(server.url, (chunk) =>
      chunk.toString() === 'S' ? [Buffer.from('Sx')] : [chunk],
    )
    const sql = openSql(proxy.url, { ssl: 'require' })
    const failure = await asTenant(1, () => failureOf(whoseRows(sql)))
    expect(failure.message).toContain('more than its answer')
  })

  test('that the server declines fails, but where it is only preferred', async () => {
    await server.speakTls(false)
    try {
      const required = openSql(server.url, { ssl: 'require' })
      const failure = await asTenant(1, () => failureOf(whoseRows(required)))
      expect(failure.message).toContain('does not accept TLS')
      expect(await heard(openSql(server.url, { ssl: 'prefer' }), 1)).toEqual([[1], false])
    } finally {
      await server.speakTls(true)
    }
  })
})
