import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { existingApplication, TENANT_A, TENANT_B } from './schemas/existing-application.ts'
import { valueOf } from './support/answers.ts'
import { planFor } from './support/catalogues.ts'
import { atEveryCut, dropping } from './support/cuts.ts'
import { copyOfTemplate, type DatabaseCopy } from './support/database-copy.ts'

const { setup, tenancy } = existingApplication

interface Customer {
  readonly tenant: string
  readonly user: string
  readonly project: number
  readonly number: number
}

/** What the application in production does all day: it signs in as the owner, and names no tenant but where it always did. */
async function oldApplicationWorks({ owner }: DatabaseCopy, customer: Customer): Promise<void> {
  const { tenant, user, project, number } = customer
  const task = randomUUID()
  await owner(`INSERT INTO users VALUES ('${user}', '${tenant}', '${user}@example')`)
  await owner(`INSERT INTO users (tenant_id, email) VALUES ('${tenant}', '${user}@example')
    ON CONFLICT (email) DO UPDATE SET recovery_code = 'new'`)
  await owner(`INSERT INTO projects VALUES (${project}, '${tenant}', NULL, '${user}', '${user}', 'old')`)
  await owner(
    `INSERT INTO tasks VALUES ('${task}', ${project}, '${user}', 1, 'old'), ('${user}', ${project}, NULL, 2, 'old')`,
  )
  await owner(`INSERT INTO tasks VALUES ('${task}', ${project}, NULL, 3, 'older')
    ON CONFLICT (id) DO UPDATE SET title = excluded.title`)
  await owner(`INSERT INTO comments (task_id, body) VALUES ('${task}', 'old'), ('${user}', 'old')`)
  await owner(`INSERT INTO task_labels SELECT '${task}', id FROM labels WHERE tenant_id IS NULL`)
  await owner(
    `INSERT INTO events (tenant_id, at, project_id, body) VALUES ('${tenant}', '2026-02-02', ${project}, 'old')`,
  )
  await owner(`INSERT INTO billing.invoices VALUES (${number}, '${tenant}', ${project}, 1)`)
  await owner(`INSERT INTO billing.invoice_lines VALUES (${number}, 1, 'old')`)
  await owner(
    `UPDATE tasks SET project_id = ${tenant === TENANT_A ? 1 : 2}, position = ${number} WHERE id = '${task}'`,
  )
  await owner(`DELETE FROM tasks WHERE id = '${user}'`)
  await owner(`UPDATE billing.invoices SET number = number + 1 WHERE number = ${number}`)
}

/** What the application does that has been rolled out by then: it acts for a tenant, and names it nowhere. */
async function newApplicationWorks({ as }: DatabaseCopy, customer: Customer): Promise<void> {
  const { tenant, user, project, number } = customer
  const app = as(tenant)
  const task = randomUUID()
  await app(`INSERT INTO users (id, email) VALUES ('${user}', '${user}@example')`)
  await app(
    `INSERT INTO projects (id, owner_id, code, name) VALUES (${project}, '${user}', '${user}', 'new')`,
  )
  await app(`INSERT INTO projects (id, owner_id, code, name) VALUES (${project}, '${user}', '${user}', 'new')
    ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name`)
  await app(
    `INSERT INTO tasks (id, project_id, assignee_id, position, title) VALUES ('${task}', ${project}, '${user}', 1, 'new')`,
  )
  await app(`INSERT INTO comments (task_id, body) VALUES ('${task}', 'new')`)
  await app(`INSERT INTO task_labels (task_id, label_id) SELECT '${task}', id FROM labels`)
  await app(`INSERT INTO events (at, project_id, body) VALUES ('2026-02-02', ${project}, 'new')`)
  await app(`INSERT INTO billing.invoices (number, project_id, amount) VALUES (${number}, ${project}, 1)`)
  await app(`INSERT INTO billing.invoice_lines (invoice_number, line, text) VALUES (${number}, 1, 'new')`)
  await app(`UPDATE tasks SET title = 'newer' WHERE id = '${task}'`)
}

/** Rows whose tenant is not that of what they belong to. */
const ASTRAY = `SELECT
    (SELECT count(*) FROM tasks JOIN projects ON projects.id = project_id
      WHERE tasks.tenant_id IS DISTINCT FROM projects.tenant_id)
  + (SELECT count(*) FROM comments JOIN tasks ON tasks.id = task_id
      WHERE comments.tenant_id IS DISTINCT FROM tasks.tenant_id)
  + (SELECT count(*) FROM task_labels JOIN tasks ON tasks.id = task_id
      WHERE task_labels.tenant_id IS DISTINCT FROM tasks.tenant_id)
  + (SELECT count(*) FROM billing.invoice_lines JOIN billing.invoices ON number = invoice_number
      WHERE invoice_lines.tenant_id IS DISTINCT FROM invoices.tenant_id)`

const WORK = `SELECT json_build_array(
  (SELECT count(*) FROM users), (SELECT count(*) FROM projects), (SELECT count(*) FROM tasks),
  (SELECT count(*) FROM comments), (SELECT count(*) FROM events), (SELECT count(*) FROM billing.invoice_lines))`

test(
  'while an online plan is applied, the old application works until contract and the new one from then on',
  { timeout: 300_000 },
  async () => {
    const database = await copyOfTemplate('proof-live', async (query) => {
      await query(setup)
    })
    await dropping(database, async () => {
      const before = (await valueOf(database.superuser, WORK)) as readonly number[]
      const plan = await planFor(database.owner, tenancy, 'online')
      const contract = plan.steps.findIndex(({ phase }) => phase === 'contract')
      let old = 0
      let fresh = 0
      let step = 0
      const work = async (): Promise<void> => {
        const number = 1000 + 10 * (old + fresh)
        const customer = {
          tenant: number % 20 === 0 ? TENANT_A : TENANT_B,
          user: randomUUID(),
          project: number,
          number,
        }
        if (step <= contract) {
          await oldApplicationWorks(database, customer)
          old += 1
        }
        if (step >= contract) {
          await newApplicationWorks(database, {
            ...customer,
            user: randomUUID(),
            project: number + 1,
            number: number + 2,
          })
          fresh += 1
        }
      }

      await work()
      await atEveryCut(database, plan, async (where) => {
        step = plan.steps.findIndex(({ id }) => where.endsWith(`"${id}"`)) + 1
        await work().catch((error: unknown) => {
          throw new Error(`The application, ${where}: ${String(error)}`, { cause: error })
        })
      })

      expect(Math.min(old, fresh)).toBeGreaterThan(20)
      expect(await valueOf(database.superuser, ASTRAY)).toBe('0')
      const all = old + fresh
      expect(await valueOf(database.superuser, WORK)).toEqual(
        [all, all, all, all, all, all].map((more, at) => more + (before[at] ?? 0)),
      )
      expect((await planFor(database.owner, tenancy, 'online')).steps).toEqual([])
    })
  },
)
