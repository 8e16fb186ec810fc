import { randomBytes } from 'node:crypto'
import type { TestDatabase } from '@tenantry/testing'
import { onTestFinished } from 'vitest'

/** A role of one test: roles belong to the whole server, so that those which others use must stay as they are. */
export interface TestOnlyRole {
  /** As SQL writes it, quoted. */
  readonly name: string
  /** Its connection string to the database. */
  readonly url: string
}

/**
 * Creates a role that lives until the test is over.
 *
 * @param attributes such as `login bypassrls`
 * @param label part of its name, which is unique
 */
export async function createRole(
  database: TestDatabase,
  attributes: string,
  label = 'role',
): Promise<TestOnlyRole> {
  const plain = `${label} ${randomBytes(4).toString('hex')}`
  const name = `"${plain.replaceAll('"', '""')}"`
  const password = randomBytes(16).toString('hex')
  await database.query(`create role ${name} ${attributes} password '${password}'`)
  await database.query(`grant connect on database "${database.name}" to ${name}`)
  onTestFinished(async () => {
    await database.query(`drop owned by ${name}; drop role ${name}`)
  })
  const url = new URL(database.urls.superuser)
  url.username = encodeURIComponent(plain)
  url.password = password
  return { name, url: url.href }
}
