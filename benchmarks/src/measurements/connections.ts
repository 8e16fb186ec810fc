import { createTenancy } from '@tenantry/core'
import { TenantPool } from '@tenantry/core/pg'
import pg from 'pg'
import type { Dataset } from '../dataset.ts'
import { tenantId } from '../dataset.ts'
import { median } from '../statistics.ts'
import { endPool } from '../ways/end-pool.ts'
import type { ConnectionStrings } from '../ways/way.ts'
import { backendPrivateBytes, bytesInUse } from './memory-use.ts'

export interface ConnectionsRow {
  readonly way: string
  /** Memory of this process for one idle connection, in bytes. */
  readonly clientBytes: number
  /** Private memory of one idle backend, in bytes: median of the backends, or null where it cannot be read. */
  readonly serverBytes: number | null
}

export interface ConnectionsEffort {
  readonly connections: number
  readonly statements: number
}

/** A pool, and how its callers send the nth statement. */
interface Candidate {
  readonly way: string
  readonly openPool: (applicationName: string, max: number) => pg.Pool
  readonly statement: (index: number) => pg.QueryConfig
}

/** `prepare` names a statement at its second use; the third runs by name. */
const usesOfEachStatement = 3

const tenancy = createTenancy({ tenantId: 'uuid' })
const tenant = tenantId(0)

/** What an idle connection costs after having run many different statements, on both ends. */
export async function measureConnections(
  connectionStrings: ConnectionStrings,
  dataset: Dataset,
  effort: ConnectionsEffort,
): Promise<ConnectionsRow[]> {
  const handWritten = (index: number) => ({
    text: `select id, title, done from ${dataset.table} where tenant_id = $1 and project_id = $2 limit ${index + 1}`,
    values: [tenant, 0],
  })
  const scoped = (index: number) => ({
    text: `select id, title, done from ${dataset.table} where project_id = $1 limit ${index + 1}`,
    values: [0],
  })
  const plainPool = (application_name: string, max: number) =>
    new pg.Pool({ connectionString: connectionStrings.superuser, application_name, max })
  const tenantPool = (prepare: boolean) => (application_name: string, max: number) =>
    new TenantPool({ tenancy, connectionString: connectionStrings.app, application_name, max, prepare })

  const candidates: Candidate[] = [
    { way: 'pg', openPool: plainPool, statement: handWritten },
    {
      way: 'pg, named statements',
      openPool: plainPool,
      statement: (index) => ({ name: `statement_${index}`, ...handWritten(index) }),
    },
    { way: 'Tenantry', openPool: tenantPool(false), statement: scoped },
    { way: 'Tenantry, prepare: true', openPool: tenantPool(true), statement: scoped },
  ]

  const rows: ConnectionsRow[] = []
  for (const candidate of candidates) {
    // A first, smaller pool lets the code be compiled before memory is counted.
    await measureCandidate(candidate, connectionStrings, { ...effort, connections: 2 })
    rows.push(await measureCandidate(candidate, connectionStrings, effort))
  }
  return rows
}

async function measureCandidate(
  { way, openPool, statement }: Candidate,
  connectionStrings: ConnectionStrings,
  { connections, statements }: ConnectionsEffort,
): Promise<ConnectionsRow> {
  const applicationName = `benchmark ${way}`
  const before = await bytesInUse()
  const pool = openPool(applicationName, connections)
  try {
    await tenancy.run(tenant, async () => {
      const clients = await Promise.all(Array.from({ length: connections }, () => pool.connect()))
      for (let index = 0; index < statements * usesOfEachStatement; index += 1)
        await Promise.all(clients.map((client) => client.query(statement(index % statements))))
      for (const client of clients) client.release()
    })
    const clientBytes = ((await bytesInUse()) - before) / connections
    return {
      way,
      clientBytes,
      serverBytes: await medianBackend(connectionStrings.superuser, applicationName),
    }
  } finally {
    await endPool(pool)
  }
}

async function medianBackend(connectionString: string, applicationName: string): Promise<number | null> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    const { rows } = await client.query<{ pid: number; datname: string }>(
      'select pid, datname from pg_stat_activity where application_name = $1',
      [applicationName],
    )
    const sizes = await Promise.all(rows.map(({ pid, datname }) => backendPrivateBytes(pid, datname)))
    const readable = sizes.filter((size) => size !== undefined)
    return readable.length === 0 ? null : median(readable)
  } finally {
    await client.end()
  }
}
