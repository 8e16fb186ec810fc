import { randomUUID } from 'node:crypto'
import type { Kysely } from 'kysely'
import { newToken } from './access-tokens.ts'
import type { Database } from './database.ts'
import { tenancy } from './tenancy.ts'

/** A new company and its first access token, which is shown this once. */
export interface NewCompany {
  readonly id: string
  readonly name: string
  readonly token: string
}

/** Needs no privilege: whoever runs as a new id may insert the company of that id. */
export function signUp(db: Kysely<Database>, name: string): Promise<NewCompany> {
  const id = randomUUID()
  const { token, hash } = newToken()
  return tenancy.run(id, () =>
    db.transaction().execute(async (transaction) => {
      await transaction.insertInto('companies').values({ id, name }).execute()
      await transaction.insertInto('access_tokens').values({ hash }).execute()
      return { id, name, token }
    }),
  )
}
