import { startPostgres, tenancySchema } from '@tenantry/testing'
import type { TestDatabase, TestPostgres } from '@tenantry/testing'
import { readFile } from 'node:fs/promises'
import { tenantId } from '../../pg/support/tenants.ts'

const TENANTS = 4

/** A certificate of `localhost` that vouches for itself, or its key. */
export const certificate = (name: 'server.crt' | 'server.key'): Promise<string> =>
  readFile(new URL(`certificates/${name}`, import.meta.url), 'utf8')

/** A server of its own, which can speak TLS, with a few numbered tenants. */
export class TlsServer {
  readonly #server: TestPostgres
  readonly database: TestDatabase
  /** The application's connection string, by the name in the certificate. */
  readonly url: string

  private constructor(server: TestPostgres, database: TestDatabase) {
    this.#server = server
    this.database = database
    const url = new URL(database.urls.app)
    url.hostname = 'localhost'
    this.url = url.href
  }

  static async start(): Promise<TlsServer> {
    const server = await startPostgres({ provider: 'embedded' })
    const database = await server.createDatabase({
      setup: async (query, { query: asSuperuser }) => {
        await query(tenancySchema())
        const ids = Array.from({ length: TENANTS }, (_, index) => tenantId(index + 1))
        await asSuperuser(`
          insert into tenants select id, 'tenant' from unnest(array['${ids.join("','")}']::uuid[]) as id;
          insert into projects (tenant_id, name) select id, 'project' from tenants`)
      },
    })
    // The server reads a key only if it is its own user's, and nobody else's to read.
    for (const name of ['server.crt', 'server.key'] as const) {
      const lines = `string_to_array($pem$${(await certificate(name)).trim()}$pem$, e'\\n')`
      await database.query(`copy (select unnest(${lines})) to program 'umask 077 && cat > ${name}'`)
    }
    const started = new TlsServer(server, database)
    await started.speakTls(true)
    return started
  }

  /** Turns TLS on or off for connections to come. */
  async speakTls(on: boolean): Promise<void> {
    const wanted = on ? 'on' : 'off'
    await this.database.query(`alter system set ssl = ${wanted}`)
    await this.database.query('select pg_reload_conf()')
    // Each time by a new connection.
    for (;;) {
      const [row] = await this.database.query<{ ssl: string }>('show ssl')
      if (row?.ssl === wanted) return
    }
  }

  stop(): Promise<void> {
    return this.#server.stop()
  }
}
