import pg from 'pg'
import { tenancy } from '../tenancy.ts'
import type { Attempt } from './report.ts'
import type { Tenant, Tour } from './tour.ts'

/** Something the first company tries, and what PostgreSQL must say: how many rows it touched, or an error's code. */
interface Attack {
  name: string
  sql: string
  values: string[]
  expected: number | string
}

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const insufficientPrivilege = '42501'
const foreignKeyViolation = '23503'

/** The first company tries to read, change, move and plant rows of the second. */
export async function showAttacks({ pool, superuser, tenants, report }: Tour): Promise<void> {
  const [attacker, victim] = tenants
  report.heading(`${attacker.name} goes for tasks of ${victim.name}; PostgreSQL says`)

  const own = await oneTaskOf(superuser, attacker)
  const theirs = await oneTaskOf(superuser, victim)
  const before = await fingerprint(superuser, victim)

  const attacks: Attack[] = [
    {
      name: 'read one by id',
      sql: 'SELECT * FROM tasks WHERE id = $1',
      values: [theirs.id],
      expected: 0,
    },
    {
      name: 'change it',
      sql: "UPDATE tasks SET title = 'Changed' WHERE id = $1",
      values: [theirs.id],
      expected: 0,
    },
    {
      name: 'delete all',
      sql: 'DELETE FROM tasks WHERE tenant_id = $1',
      values: [victim.id],
      expected: 0,
    },
    {
      name: 'move mine over',
      sql: 'UPDATE tasks SET tenant_id = $1, project_id = $2, assignee_id = NULL WHERE id = $3',
      values: [victim.id, theirs.project_id, own.id],
      expected: insufficientPrivilege,
    },
    {
      name: 'plant a task',
      sql: "INSERT INTO tasks (tenant_id, project_id, title) VALUES ($1, $2, 'Planted')",
      values: [victim.id, theirs.project_id],
      expected: insufficientPrivilege,
    },
    {
      name: 'upsert over it',
      sql: `INSERT INTO tasks (tenant_id, id, project_id, title) VALUES ($1, $2, $3, 'Taken')
            ON CONFLICT (tenant_id, id) DO UPDATE SET title = excluded.title`,
      values: [victim.id, theirs.id, theirs.project_id],
      expected: insufficientPrivilege,
    },
    {
      name: 'link to theirs',
      sql: "INSERT INTO tasks (project_id, title) VALUES ($1, 'Linked')",
      values: [theirs.project_id],
      expected: foreignKeyViolation,
    },
  ]

  const attempts: Attempt[] = []
  for (const attack of attacks) {
    attempts.push(await tenancy.run(attacker.id, () => attempt(pool, attack)))
  }
  report.attempts(attempts)
  const after = await fingerprint(superuser, victim)
  report.check(after === before, `the superuser finds every task of ${victim.name} as it was`)
}

async function attempt(pool: pg.Pool, { name, sql, values, expected }: Attack): Promise<Attempt> {
  try {
    const { rowCount } = await pool.query(sql, values)
    return { question: name, answer: `${rowCount} rows`, isAsExpected: rowCount === expected }
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error
    return { question: name, answer: error.message, isAsExpected: error.code === expected }
  }
}

async function oneTaskOf(superuser: pg.Client, tenant: Tenant): Promise<{ id: string; project_id: string }> {
  const { rows } = await superuser.query<{ id: string; project_id: string }>(
    'SELECT id, project_id FROM tasks WHERE tenant_id = $1 ORDER BY id LIMIT 1',
    [tenant.id],
  )
  return rows[0]!
}

/** Changes when any value of any task of the tenant does. */
async function fingerprint(superuser: pg.Client, tenant: Tenant): Promise<string | null> {
  const { rows } = await superuser.query<{ fingerprint: string | null }>(
    "SELECT md5(string_agg(tasks::text, E'\\n' ORDER BY id)) AS fingerprint FROM tasks WHERE tenant_id = $1",
    [tenant.id],
  )
  return rows[0]!.fingerprint
}
