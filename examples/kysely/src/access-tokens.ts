import { createHash, randomBytes } from 'node:crypto'
import type { MiddlewareHandler } from 'hono'
import type { Kysely } from 'kysely'
import type { Database } from './database.ts'
import { Problem } from './problem.ts'
import { tenancy } from './tenancy.ts'

/** A new access token, and what the database keeps of it: who reads the table can sign in as nobody. */
export function newToken(): { token: string; hash: string } {
  const token = randomBytes(32).toString('base64url')
  return { token, hash: hashOf(token) }
}

/**
 * The requests behind it run for the company whose token they carry. The token alone says which: nothing else in a request
 * is ever taken for a company.
 */
export function signedIn(db: Kysely<Database>): MiddlewareHandler {
  return async (context, next) => {
    const token = /^Bearer +([\w-]{1,200})$/i.exec(context.req.header('authorization') ?? '')?.[1]
    const company = token === undefined ? undefined : await companyOf(db, token)
    if (company === undefined) {
      throw new Problem(401, 'Sign in with the header "authorization: Bearer <token>".')
    }
    await tenancy.run(company, next)
  }
}

async function companyOf(db: Kysely<Database>, token: string): Promise<string | undefined> {
  const tokenHash = hashOf(token)
  const row = await tenancy.withoutTenant({ tokenHash }, () =>
    db.selectFrom('access_tokens').select('company_id').where('hash', '=', tokenHash).executeTakeFirst(),
  )
  return row?.company_id
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
