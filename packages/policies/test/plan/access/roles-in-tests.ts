import { randomBytes } from 'node:crypto'
import type { Query } from '../../../src/index.ts'
import type { OpenDatabase } from '../../support/open-database.ts'

/** Roles belong to the whole server, on which other tests run too: each test makes those that it changes. */
export function uniqueRole(): string {
  return `access_role_${randomBytes(4).toString('hex')}`
}

/** Makes a role for the work, and drops it with all that it has in this database. */
export async function withRole<T>(
  { superuser }: OpenDatabase,
  attributes: string,
  work: (role: string) => Promise<T>,
): Promise<T> {
  const role = uniqueRole()
  await superuser(`create role ${role} ${attributes}`)
  try {
    return await work(role)
  } finally {
    await dropRole(superuser, role)
  }
}

/** With all that it has and owns in this database, if it is there. */
export async function dropRole(superuser: Query, role: string): Promise<void> {
  const { rows } = await superuser('select from pg_roles where rolname = $1', [role])
  if (rows.length === 0) return
  await superuser(`drop owned by ${role} cascade`)
  await superuser(`drop role ${role}`)
}

/** What a role without a password sends: each statement in a transaction of its own, for a tenant. */
export function acting(database: OpenDatabase, role: string, tenantId: string): Query {
  return async (text, values) => {
    const connection = await database.connect('superuser')
    try {
      await connection.query(`begin; set local role ${role}`)
      await connection.query("select set_config('app.current_tenant_id', $1, true)", [tenantId])
      const result = await connection.query(text, values)
      await connection.query('commit')
      return result
    } finally {
      await connection.end()
    }
  }
}
