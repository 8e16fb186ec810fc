import { readFileSync } from 'node:fs'
import { queryAs } from '../../src/postgres/query-as.ts'

/** A running server as the operating system sees it. */
export interface ServerFacts {
  readonly url: string
  readonly pid: number
  readonly dataDirectory: string
}

/** Asks a server which process it is and where its files are. */
export async function serverFacts(url: string): Promise<ServerFacts> {
  const [row] = await queryAs(
    url,
    `select current_setting('data_directory') as directory,
            split_part(pg_read_file('postmaster.pid'), E'\\n', 1) as pid`,
  )
  return { url, pid: Number(row?.['pid']), dataDirectory: String(row?.['directory']) }
}

/** Whether a process runs. One that ended, in a container whose first process never asks how, does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return process.platform !== 'linux' || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
