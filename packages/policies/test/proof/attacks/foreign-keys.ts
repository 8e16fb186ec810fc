import { OF_A, OF_B, TENANT_A, TENANT_B } from '../schemas/existing-application.ts'
import { answerTo, STATE } from '../support/answers.ts'
import type { Attack } from './attack.ts'

/** One for each shape of foreign key. `$1` is the id that is referred to. */
const references: readonly { to: string; statement: string; ofB: unknown; ofNobody: unknown }[] = [
  {
    to: 'project from a partitioned table',
    statement: `INSERT INTO events (tenant_id, at, project_id, body) VALUES ('${TENANT_A}', '2026-02-02', $1, 'x')`,
    ofB: OF_B.project,
    ofNobody: 99,
  },
  {
    to: 'project from a project, its parent',
    statement: `INSERT INTO projects (tenant_id, parent_id, code, name) VALUES ('${TENANT_A}', $1, 'x', 'x')`,
    ofB: OF_B.project,
    ofNobody: 99,
  },
  {
    to: 'user from a project, which UPDATE moves',
    statement: `UPDATE projects SET owner_id = $1 WHERE id = ${OF_A.project}`,
    ofB: OF_B.user,
    ofNobody: 'ffffffff-ffff-4fff-8fff-ffffffffffff',
  },
  {
    to: 'user from a child, which has no tenant of its own',
    statement: `INSERT INTO tasks (project_id, assignee_id, position, title) VALUES (${OF_A.project}, $1, 7, 'x')`,
    ofB: OF_B.user,
    ofNobody: 'ffffffff-ffff-4fff-8fff-ffffffffffff',
  },
  {
    to: 'task from the child of a child',
    statement: `INSERT INTO comments (task_id, body) VALUES ($1, 'x')`,
    ofB: OF_B.task,
    ofNobody: 'ffffffff-ffff-4fff-8fff-ffffffffffff',
  },
  {
    to: 'project from a table and a column with quoted names',
    statement: `INSERT INTO "order" (tenant_id, "Project Id") VALUES ('${TENANT_A}', $1)`,
    ofB: OF_B.project,
    ofNobody: 99,
  },
  {
    to: 'project from another schema',
    statement: `INSERT INTO billing.invoices VALUES (77, '${TENANT_A}', $1, 1)`,
    ofB: OF_B.project,
    ofNobody: 99,
  },
  {
    to: 'invoice from a line, which becomes part of it',
    statement: `INSERT INTO billing.invoice_lines VALUES ($1, 9, 'x')`,
    ofB: 2,
    ofNobody: 99,
  },
]

/** PostgreSQL checks foreign keys past all policies. */
export const foreignKeyAttacks: readonly Attack[] = [
  ...references.map(({ to, statement, ofB }): Attack => ({
    name: `refers to B's ${to}`,
    run: ({ as }) => answerTo(as(TENANT_A), statement, [ofB]),
    naive: 'done',
    planned: STATE.foreignKey,
  })),
  {
    name: `learns from foreign keys which ids exist`,
    run: async ({ as }) => {
      const told = []
      for (const { statement, ofB, ofNobody } of references) {
        told.push([
          await errorOf(() => as(TENANT_A)(statement, [ofB])),
          await errorOf(() => as(TENANT_A)(statement, [ofNobody])),
        ])
      }
      return told.filter(([existing, missing]) => existing !== missing).length
    },
    naive: references.length,
    planned: 0,
  },
  {
    name: `loses its row when B deletes the row that it refers to`,
    run: async ({ as, superuser }) => {
      const accepted = await answerTo(
        as(TENANT_A),
        `INSERT INTO projects (id, tenant_id, parent_id, code, name) VALUES (50, '${TENANT_A}', ${OF_B.smallProject}, 'x', 'x')`,
      )
      await as(TENANT_B)(`DELETE FROM projects WHERE id = ${OF_B.smallProject}`)
      const { rows } = await superuser('SELECT FROM projects WHERE id = 50')
      return { accepted, lost: accepted === 'done' && rows.length === 0 }
    },
    naive: { accepted: 'done', lost: true },
    planned: { accepted: STATE.foreignKey, lost: false },
  },
]

/** All that an error tells, without the ids that were asked for. */
async function errorOf(run: () => Promise<unknown>): Promise<string> {
  try {
    await run()
    return 'none'
  } catch (error) {
    const { message, detail } = error as { message: string; detail?: string }
    return `${message} ${detail ?? ''}`.replaceAll(/=\(.*?\)/g, '')
  }
}
