import { readFile } from 'node:fs/promises'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { TLSSocket, createSecureContext } from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import { asTenant } from '../../pg/support/as-tenant.ts'
import { codeOf } from '../../pg/support/calls-back.ts'
import { failureOf } from '../../pg/support/failure-of.ts'
import { useDatabase } from '../../pg/support/use-database.ts'
import { openSql, whoseRows } from '../support/open-sql.ts'

const database = useDatabase()

const certificate = (name: string): Promise<string> =>
  readFile(new URL(`../support/certificates/${name}`, import.meta.url), 'utf8')

type Answer = 'S' | 'N' | 'Sx' | 'direct'

/** The server, behind something that speaks TLS as PostgreSQL does, or declines it. */
async function openTlsServer(answer: Answer): Promise<{ url: string; secured: () => number }> {
  const url = new URL(database.urls.app)
  const [host, port] = [url.hostname, Number(url.port || 5432)]
  const secureContext = createSecureContext({
    key: await certificate('server.key'),
    cert: await certificate('server.crt'),
  })
  const sockets = new Set<Socket>()
  let secured = 0
  const server = createServer((client) => {
    const upstream = connect(port, host)
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => {}))
    const join = (end: Socket): void => {
      end.on('error', () => {})
      end.on('close', () => upstream.destroy())
      upstream.on('close', () => end.destroy())
      end.pipe(upstream).pipe(end)
    }
    const secure = (): void => {
      const options = { isServer: true, secureContext, ALPNProtocols: ['postgresql'] }
      join(new TLSSocket(client, options).once('secure', () => (secured += 1)))
    }
    if (answer === 'direct') return secure()
    client.once('data', (request: Buffer) => {
      expect(request.toString('hex')).toBe('0000000804d2162f')
      client.write(answer)
      if (answer === 'N') join(client)
      else if (answer === 'S') secure()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  url.hostname = 'localhost'
  url.port = String((server.address() as AddressInfo).port)
  return { url: url.href, secured: () => secured }
}

describe('TLS', () => {
  for (const ssl of ['require', 'prefer', 'allow'] as const) {
    test(`with ssl: '${ssl}' is spoken, and the scope underneath`, async () => {
      const server = await openTlsServer('S')
      const sql = openSql(server.url, { ssl, max: 2 })
      const seen = await Promise.all([1, 2, 3, 4].map((tenant) => asTenant(tenant, () => whoseRows(sql))))
      expect(seen).toEqual([[1], [2], [3], [4]])
      expect(server.secured()).toBe(2)
    })
  }

  test('is asked for by the connection string too', async () => {
    const server = await openTlsServer('S')
    const sql = openSql(`${server.url}?sslmode=require`)
    expect(await asTenant(1, () => whoseRows(sql))).toEqual([1])
    expect(server.secured()).toBe(1)
  })

  test('verifies the certificate and its name', async () => {
    const server = await openTlsServer('S')
    expect(await asTenant(1, () => codeOf(whoseRows(openSql(server.url, { ssl: true }))))).toBe(
      'DEPTH_ZERO_SELF_SIGNED_CERT',
    )
    expect(await asTenant(1, () => codeOf(whoseRows(openSql(server.url, { ssl: 'verify-full' }))))).toBe(
      'DEPTH_ZERO_SELF_SIGNED_CERT',
    )
    const ca = await certificate('server.crt')
    expect(await asTenant(1, () => whoseRows(openSql(server.url, { ssl: { ca } })))).toEqual([1])
    const elsewhere = openSql(server.url, { ssl: { ca, servername: 'elsewhere.example' } })
    expect(await asTenant(1, () => codeOf(whoseRows(elsewhere)))).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
  })

  test('begins at once with sslnegotiation: direct', async () => {
    const server = await openTlsServer('direct')
    const sql = openSql(server.url, { ssl: 'require', sslnegotiation: 'direct' })
    expect(await asTenant(1, () => whoseRows(sql))).toEqual([1])
    expect(server.secured()).toBe(1)
  })

  test('that the server declines fails, but where it is only preferred', async () => {
    const server = await openTlsServer('N')
    const failure = await asTenant(1, () => failureOf(whoseRows(openSql(server.url, { ssl: 'require' }))))
    expect(failure.message).toContain('does not accept TLS')
    expect(await asTenant(1, () => whoseRows(openSql(server.url, { ssl: 'prefer' })))).toEqual([1])
  })

  test('does not begin where somebody has slipped in words of his own', async () => {
    const server = await openTlsServer('Sx')
    const failure = await asTenant(1, () => failureOf(whoseRows(openSql(server.url, { ssl: 'require' }))))
    expect(failure.message).toContain('more than its answer')
  })

  test('is spoken to cancel, too', async () => {
    const server = await openTlsServer('S')
    const sql = openSql(server.url, { ssl: 'require' })
    const { query } = await asTenant(1, async () => ({ query: sql`select pg_sleep(60)`.execute() }))
    await database.query(`
      do $$ begin
        loop
          perform pg_stat_clear_snapshot();
          exit when exists (select from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database());
        end loop;
      end $$`)
    query.cancel()
    expect(await codeOf(query)).toBe('57014')
    expect(await asTenant(2, () => whoseRows(sql))).toEqual([2])
    expect(server.secured()).toBe(2)
  })
})
