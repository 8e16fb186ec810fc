import { TenantryError } from '@tenantry/core'
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from 'pg'
import { queryWith, withClient } from './query-as.ts'
import type { Query } from './query-as.ts'
import { testRoles } from './roles.ts'
import { testDatabase } from './test-database.ts'
import type { TestDatabase } from './test-database.ts'

/**
 * What fills a new database: SQL text, or a function. Both run as `tenantry_owner`, which then owns what they make.
 * A function may also do as it likes with the connection strings, such as hand `database.urls.owner` to an ORM's
 * migrations, but must leave no connection open.
 */
export type DatabaseSetup = string | ((query: Query, database: TestDatabase) => Promise<void>)

/** Options of `server.createDatabase()`. */
export interface CreateDatabaseOptions {
  /** Part of the database's name, for whoever looks at the server: at most 30 of `a-z 0-9 _ -`. */
  readonly name?: string
  /** What fills the database. Without it, and without a template, it is empty. */
  readonly setup?: DatabaseSetup
  /**
   * Keeps what `setup` made as a template of this name (at most 30 of `a-z 0-9 _ -`): the first caller runs the
   * setup, everyone else in this test run, in whatever process, gets a copy, which is far quicker. The name stands
   * for the setup: another setup needs another name. Without a `setup`, the template has to exist.
   */
  readonly template?: string
}

/** An existing run on an existing server: where databases are made, and how their names begin. */
export interface DatabaseSite {
  /** A superuser's connection string. */
  readonly url: URL
  /** See run-name.ts. */
  readonly runName: string
}

/** Makes a database for one test file. See {@link CreateDatabaseOptions}. */
export async function createDatabase(
  site: DatabaseSite,
  options: CreateDatabaseOptions,
): Promise<TestDatabase> {
  const { name: label, setup, template } = options
  const random = randomBytes(4).toString('hex')
  const name = [site.runName, ...(label === undefined ? [] : [checked(label)]), random].join('_')
  if (template !== undefined) {
    await copyDatabase(site, name, await ensureTemplate(site, template, setup))
  } else {
    await fillDatabase(site, name, setup)
  }
  return testDatabase(site.url, name, () => dropDatabase(site, name))
}

/** Drops every database of the run, its templates included. */
export async function dropDatabasesOfRun(site: DatabaseSite): Promise<void> {
  const found = await withClient(site.url.href, (client) =>
    client.query<{ datname: string }>('select datname from pg_database where starts_with(datname, $1)', [
      `${site.runName}_`,
    ]),
  )
  for (const { datname } of found.rows) await dropDatabase(site, datname)
}

/**
 * The name of the template's database, which exists when this returns. Its datistemplate is set last, so that it
 * tells a finished template from one whose making failed or is under way; the lock lets one process make it.
 */
async function ensureTemplate(
  site: DatabaseSite,
  template: string,
  setup: DatabaseSetup | undefined,
): Promise<string> {
  const name = `${site.runName}_template_${checked(template)}`
  await withClient(site.url.href, async (client) => {
    // Held until the connection closes.
    await client.query('select pg_advisory_lock(hashtextextended($1, 0))', [name])
    const { rows } = await client.query<{ datistemplate: boolean }>(
      'select datistemplate from pg_database where datname = $1',
      [name],
    )
    if (rows[0]?.datistemplate === true) return
    if (setup === undefined) {
      throw new TenantryError({
        code: 'INVALID_CONFIG',
        message:
          `No template "${template}" was made on this server in this run. Give createDatabase() the setup too, or ` +
          'make the template before, for example in the global set-up of the test runner.',
      })
    }
    if (rows.length > 0) await dropDatabase(site, name)
    await fillDatabase(site, name, setup)
    await client.query(
      `alter database ${client.escapeIdentifier(name)} with allow_connections false is_template true`,
    )
  })
  return name
}

/** Makes a database and runs the setup in it; leaves nothing behind when that fails. */
async function fillDatabase(
  site: DatabaseSite,
  name: string,
  setup: DatabaseSetup | undefined,
): Promise<void> {
  await copyDatabase(site, name, 'template0')
  try {
    const database = testDatabase(site.url, name, () => dropDatabase(site, name))
    await withClient(database.urls.superuser, restrictPublicSchema)
    if (setup === undefined) return
    await withClient(database.urls.owner, async (client) => {
      const query = queryWith(client)
      await (typeof setup === 'string' ? query(setup) : setup(query, database))
    })
  } catch (error) {
    await dropDatabase(site, name).catch(() => {})
    throw error
  }
}

/** Rights on the database itself are not copied from a template, unlike those on what it contains. */
async function copyDatabase(site: DatabaseSite, name: string, template: string): Promise<void> {
  await withClient(site.url.href, async (client) => {
    const database = client.escapeIdentifier(name)
    await client.query(
      `create database ${database} with owner ${testRoles.owner} template ${client.escapeIdentifier(template)}`,
    )
    // TEMPORARY goes too: a temporary table shadows a real one for the next tenant on the same connection.
    await client.query(
      `revoke all on database ${database} from public;
       grant connect on database ${database} to ${testRoles.app}, ${testRoles.system}`,
    )
  })
}

/** What new databases have by themselves from PostgreSQL 15 on, and with an owner one can see. */
async function restrictPublicSchema(client: Client): Promise<void> {
  await client.query(
    `alter schema public owner to ${testRoles.owner};
     revoke all on schema public from public;
     grant usage on schema public to ${testRoles.app}, ${testRoles.system}`,
  )
}

async function dropDatabase(site: DatabaseSite, name: string): Promise<void> {
  await withClient(site.url.href, async (client) => {
    const database = client.escapeIdentifier(name)
    const { rowCount } = await client.query('select from pg_database where datname = $1 and datistemplate', [
      name,
    ])
    if (rowCount === 1) await client.query(`alter database ${database} with is_template false`)
    await connectionsLeft(client, name)
    await client.query(`drop database if exists ${database} with (force)`)
  })
}

/** How long drop() gives connections that are being closed, before it closes them itself. */
const LEAVE_MILLISECONDS = 500

/**
 * Waits for connections to leave, for a while. `pool.end()` is done before its sockets are, and a connection ended from
 * the server's side in between is an error that nobody listens for any more.
 */
async function connectionsLeft(client: Client, name: string): Promise<void> {
  const deadline = performance.now() + LEAVE_MILLISECONDS
  for (;;) {
    const { rowCount } = await client.query('select from pg_stat_activity where datname = $1', [name])
    if (rowCount === 0 || performance.now() > deadline) return
    await delay(5)
  }
}

/** PostgreSQL cuts names after 63 bytes without a word, which would make two of one. */
function checked(label: string): string {
  if (/^[a-z0-9_-]{1,30}$/.test(label)) return label
  throw new TenantryError({
    code: 'INVALID_CONFIG',
    message: `"${label.slice(0, 64)}" does not do as part of a database's name: use 1 to 30 of a-z, 0-9, _ and -.`,
  })
}
