import { TENANT_A, TENANT_B } from '../schemas/existing-application.ts'
import { answerTo, STATE, valueOf } from '../support/answers.ts'
import type { Attack } from './attack.ts'

/** Reads a relation and says how many rows of B are in it, or why it may not. */
function reads(what: string, from: string, naive: number, planned: number | string): Attack {
  return {
    name: `reads ${what}`,
    run: ({ as }) =>
      valueOf(
        as(TENANT_A),
        `SELECT count(*)::integer FROM ${from} AS row WHERE row.tenant_id = '${TENANT_B}'`,
      ),
    naive,
    planned,
  }
}

/** Policies stand on one table each: what lies beside, below or above it has none. */
export const relationAttacks: readonly Attack[] = [
  reads('a partition directly', 'events_2025', 1, STATE.privilege),
  reads('a partition of a partition directly', 'events_2026_first', 1, STATE.privilege),
  reads('a partition that is partitioned itself', 'events_2026', 2, STATE.privilege),
  {
    name: `plants a row among B's in a partition`,
    run: async ({ as, superuser }) => ({
      answer: await answerTo(
        as(TENANT_A),
        `INSERT INTO events_2026_first (id, tenant_id, at, body) OVERRIDING SYSTEM VALUE VALUES (1000, '${TENANT_B}', '2026-03-03', 'x')`,
      ),
      planted: await valueOf(superuser, `SELECT count(*)::integer FROM events WHERE id = 1000`),
    }),
    naive: { answer: 'done', planted: 1 },
    planned: { answer: STATE.privilege, planted: 0 },
  },
  {
    name: `deletes B's rows in a partition`,
    run: async ({ as, superuser }) => ({
      answer: await answerTo(as(TENANT_A), `DELETE FROM events_2025`),
      left: await valueOf(
        superuser,
        `SELECT count(*)::integer FROM events_2025 WHERE tenant_id = '${TENANT_B}'`,
      ),
    }),
    naive: { answer: 'done', left: 0 },
    planned: { answer: STATE.privilege, left: 1 },
  },
  reads('a table that inherits from one with a policy', 'contracts', 1, 0),
  reads("its owner's view", 'project_overview', 2, 0),
  reads('a view over a view', 'project_names', 2, 0),
  reads('a materialised view', 'project_statistics', 2, STATE.privilege),
  reads('a view over a materialised view', 'busiest_projects', 2, STATE.privilege),
  reads("a function that runs with its owner's rights", 'all_projects()', 2, 0),
]
