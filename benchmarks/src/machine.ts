import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { availableParallelism, cpus, totalmem } from 'node:os'
import type { Client } from 'pg'
import { libraries } from './ways/libraries.ts'

/** The kind of machine and the versions that the numbers belong to; nothing that names the machine. */
export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryGigabytes: number
  readonly platform: string
  readonly node: string
  readonly postgres: string
  readonly pg: string
  /** The versions of the libraries and of the HTTP application's parts, by the names of their packages. */
  readonly libraries: Readonly<Record<string, string>>
}

export async function describeMachine(client: Client): Promise<Machine> {
  const { rows } = await client.query<{ server_version: string }>('show server_version')
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGigabytes: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    node: process.versions.node,
    postgres: rows[0]!.server_version,
    pg: versionOf('pg'),
    libraries: Object.fromEntries(
      [...libraries.map(({ name }) => name), '@nestjs/core', 'autocannon'].map((name) => [
        name,
        versionOf(name),
      ]),
    ),
  }
}

function versionOf(packageName: string): string {
  const file = findPackageJSON(packageName, import.meta.url)
  if (file === undefined) throw new Error(`${packageName} is not installed: run \`pnpm install\`.`)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
