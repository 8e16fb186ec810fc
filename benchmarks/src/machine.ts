import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism, cpus, totalmem } from 'node:os'
import type { Client } from 'pg'

/** The kind of machine and the versions that the numbers belong to; nothing that names the machine. */
export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryGigabytes: number
  readonly platform: string
  readonly node: string
  readonly postgres: string
  readonly pg: string
}

export async function describeMachine(client: Client): Promise<Machine> {
  const { rows } = await client.query<{ server_version: string }>('show server_version')
  const pgPackage = createRequire(import.meta.url).resolve('pg/package.json')
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGigabytes: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    node: process.versions.node,
    postgres: rows[0]!.server_version,
    pg: (JSON.parse(readFileSync(pgPackage, 'utf8')) as { version: string }).version,
  }
}
