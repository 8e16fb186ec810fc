import { isDeepStrictEqual } from 'node:util'
import type pg from 'pg'
import { tenancy } from '../tenancy.ts'
import type { Tenant, Tour } from './tour.ts'

interface Counts {
  users: number
  projects: number
  tasks: number
}

const queriesEach = 200

/** Two companies query the same tables through the same pool at the same time; each sees its own rows only. */
export async function showTwoTenantsAtOnce({ pool, superuser, tenants, report }: Tour): Promise<void> {
  report.heading(
    `Two companies at the same time: ${queriesEach} queries each, ${pool.options.max} connections`,
  )
  const [first, second] = tenants

  const bothAtOnce = Array.from({ length: queriesEach }, () =>
    Promise.all([countAs(pool, first), countAs(pool, second)]),
  )
  const answers = await Promise.all(bothAtOnce)

  const [seenByFirst, seenBySecond] = answers[0]!
  report.table(
    ['users', 'projects', 'tasks'],
    [
      row(`${first.name} sees`, seenByFirst),
      row(`${second.name} sees`, seenBySecond),
      row('a superuser sees', await countAsSuperuser(superuser)),
    ],
  )

  const truth = [await countAsSuperuser(superuser, first), await countAsSuperuser(superuser, second)]
  const right = answers.flat().filter((counts, index) => isDeepStrictEqual(counts, truth[index % 2]))
  report.check(
    right.length === 2 * queriesEach,
    `${right.length} of ${2 * queriesEach} answers match the superuser's count for that company`,
  )
}

/** No WHERE: which rows there are to count is the database's business. */
function countAs(pool: pg.Pool, tenant: Tenant): Promise<Counts> {
  return tenancy.run(tenant.id, async () => {
    const { rows } = await pool.query<Counts>(`
      SELECT (SELECT count(*)::int FROM users) AS users,
             (SELECT count(*)::int FROM projects) AS projects,
             (SELECT count(*)::int FROM tasks) AS tasks`)
    return rows[0]!
  })
}

/** A superuser is above row level security: only a WHERE keeps the companies apart. */
async function countAsSuperuser(superuser: pg.Client, tenant?: Tenant): Promise<Counts> {
  const { rows } = await superuser.query<Counts>(
    `SELECT (SELECT count(*)::int FROM users WHERE $1::uuid IS NULL OR tenant_id = $1) AS users,
            (SELECT count(*)::int FROM projects WHERE $1::uuid IS NULL OR tenant_id = $1) AS projects,
            (SELECT count(*)::int FROM tasks WHERE $1::uuid IS NULL OR tenant_id = $1) AS tasks`,
    [tenant?.id ?? null],
  )
  return rows[0]!
}

function row(name: string, { users, projects, tasks }: Counts): [string, number, number, number] {
  return [name, users, projects, tasks]
}
