import { createHmac } from 'node:crypto'
import type { Client } from 'pg'
import { unavailable } from './provider.ts'

/**
 * The roles every test database has. They belong to the whole server, so their names are fixed.
 *
 * - `owner` owns the databases, schemas and tables, and runs the DDL.
 * - `app` is what an application signs in as: it owns nothing, and row-level security applies to it.
 * - `system` has BYPASSRLS, without being a superuser.
 */
export const testRoles = {
  owner: 'tenantry_owner',
  app: 'tenantry_app',
  system: 'tenantry_system',
} as const

/** One of {@link testRoles}: `'owner'`, `'app'` or `'system'`. */
export type TestRole = keyof typeof testRoles

/** Attributes by their column in pg_roles. */
const attributes = {
  rolcanlogin: 'LOGIN',
  rolsuper: 'SUPERUSER',
  rolbypassrls: 'BYPASSRLS',
  rolcreatedb: 'CREATEDB',
  rolcreaterole: 'CREATEROLE',
  rolreplication: 'REPLICATION',
} as const

/** What each role has; it has none of the other attributes, and is a member of no role. */
const granted: Record<TestRole, readonly string[]> = {
  owner: ['LOGIN'],
  app: ['LOGIN'],
  system: ['LOGIN', 'BYPASSRLS'],
}

/**
 * A role's password on the server of `url`: derived from the password in the URL, so that every process that knows
 * the URL knows the roles' passwords too, and so that they are as random as that one is.
 */
export function rolePassword(url: URL, role: TestRole): string {
  return createHmac('sha256', decodeURIComponent(url.password)).update(testRoles[role]).digest('base64url')
}

/**
 * Creates the roles where they are missing, sets their passwords, and checks that they are what tests take them for.
 * May run in several processes at once.
 *
 * @throws {TenantryError} `POSTGRES_UNAVAILABLE` if the connection's own role may not do this, or if a role of that
 * name exists with rights that would make the tests of isolation worthless.
 */
export async function ensureRoles(client: Client, url: URL): Promise<void> {
  await client.query(`select pg_advisory_lock(hashtextextended('tenantry_test_roles', 0))`)
  const superuser = await assertAdministrator(client)
  for (const role of Object.keys(testRoles) as TestRole[]) {
    const name = testRoles[role]
    const password = client.escapeLiteral(rolePassword(url, role))
    const { rowCount } = await client.query('select from pg_roles where rolname = $1', [name])
    const wanted = Object.values(attributes).map((word) =>
      granted[role].includes(word) ? word : `NO${word}`,
    )
    await client.query(
      rowCount === 0
        ? `create role ${name} with ${wanted.join(' ')} password ${password}`
        : `alter role ${name} with password ${password}`,
    )
    // Without being a superuser, an administrator has the rights of the roles it made only as a member of them.
    if (!superuser) await client.query(`grant ${name} to current_user with inherit true, set true`)
  }
  await assertAttributes(client)
  await client.query(`select pg_advisory_unlock(hashtextextended('tenantry_test_roles', 0))`)
}

/** Whether the connection's role is a superuser; throws if it is not and cannot do without. */
async function assertAdministrator(client: Client): Promise<boolean> {
  const { rows } = await client.query<Record<string, unknown>>(
    `select rolname, rolsuper, rolcreatedb and rolcreaterole and rolbypassrls as administrator,
            current_setting('server_version_num')::int >= 160000 as can_delegate
     from pg_roles where rolname = current_user`,
  )
  const [role] = rows
  if (role?.['rolsuper'] === true) return true
  // https://www.postgresql.org/docs/16/release-16.html: from 16 on, such a role can hand on BYPASSRLS and ownership.
  if (role?.['administrator'] === true && role['can_delegate'] === true) return false
  throw unavailable(
    `the role "${String(role?.['rolname'])}" is not a superuser, and the tests make databases, roles and rows of ` +
      'every tenant. Sign in as a superuser or, from PostgreSQL 16 on, as a role with CREATEDB, CREATEROLE and BYPASSRLS',
  )
}

async function assertAttributes(client: Client): Promise<void> {
  for (const role of Object.keys(testRoles) as TestRole[]) {
    const name = testRoles[role]
    const { rows } = await client.query<Record<string, unknown>>(
      `select *, array(select roleid::regrole::text from pg_auth_members where member = pg_roles.oid) as member_of
       from pg_roles where rolname = $1`,
      [name],
    )
    const [found] = rows
    const wrong = Object.entries(attributes)
      .filter(([column, word]) => found?.[column] !== granted[role].includes(word))
      .map(([, word]) =>
        granted[role].includes(word) ? `alter role ${name} ${word}` : `alter role ${name} NO${word}`,
      )
    const memberships = ((found?.['member_of'] ?? []) as string[]).map(
      (group) => `revoke ${group} from ${name}`,
    )
    if (wrong.length + memberships.length > 0) {
      throw unavailable(
        `the role ${name} exists on this server with other rights than the tests rely on. Put it right with: ` +
          [...wrong, ...memberships].join('; '),
      )
    }
  }
}
