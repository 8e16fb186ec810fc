import { readFile } from 'node:fs/promises'
import { unavailable } from '../provider.ts'

/** Whom the server runs as: `uid` and `gid` of `child_process.spawn`. */
export interface SystemUser {
  readonly uid: number
  readonly gid: number
}

/** The uid of `nobody` on today's Linux systems: it owns nothing. https://systemd.io/UIDS-GIDS/ */
const OVERFLOW_UID = 65_534

/**
 * Whom PostgreSQL has to run as here: `undefined` for the present user, or an existing unprivileged user when the
 * present one is root, as whom PostgreSQL refuses to run. No user is ever created.
 *
 * The user has to have an entry in `/etc/passwd`, because initdb looks itself up there.
 */
export async function unprivilegedUser(): Promise<SystemUser | undefined> {
  if (process.geteuid?.() !== 0) return undefined
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '')
  const users = parsePasswd(passwd).filter(({ uid }) => uid > 0)
  const user =
    users.find(({ uid }) => uid === OVERFLOW_UID) ?? users.find(({ name }) => name === 'nobody') ?? users[0]
  if (user === undefined) {
    throw unavailable('PostgreSQL refuses to run as root, and /etc/passwd names no other user to run it as')
  }
  return { uid: user.uid, gid: user.gid }
}

/**
 * The entries of a passwd file, `name:password:uid:gid:…` a line, without the comments and the negative ids of
 * macOS (its `nobody` is -2, which Node takes in some calls and refuses in others).
 */
function parsePasswd(text: string): { name: string; uid: number; gid: number }[] {
  return text
    .split('\n')
    .map((line) => /^([^#:]+):[^:]*:(\d+):(\d+):/.exec(line))
    .filter((match) => match !== null)
    .map(([, name = '', uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
}
