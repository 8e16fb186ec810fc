import { OF_A, OF_B, TENANT_A } from '../schemas/existing-application.ts'
import { answerTo, countOf, STATE } from '../support/answers.ts'
import type { Attack } from './attack.ts'

/** One for each shape of key: a row with a value that B has, and the same with one that nobody has. */
const keys: readonly { of: string; insert: (value: string) => string; ofB: string; ofNobody: string }[] = [
  {
    of: 'unique constraint',
    insert: (value) => `INSERT INTO users (tenant_id, email) VALUES ('${TENANT_A}', '${value}')`,
    ofB: OF_B.email,
    ofNobody: 'nobody@example',
  },
  {
    of: 'primary key of a tenant table',
    insert: (value) =>
      `INSERT INTO projects (id, tenant_id, code, name) VALUES (${value}, '${TENANT_A}', 'x${value}', 'x')`,
    ofB: String(OF_B.project),
    ofNobody: '77',
  },
  {
    of: 'partial unique index on an expression',
    insert: (value) => `INSERT INTO projects (tenant_id, code, name) VALUES ('${TENANT_A}', '${value}', 'x')`,
    ofB: 'p-B',
    ofNobody: 'p-nobody',
  },
  {
    of: 'primary key of a child',
    insert: (value) =>
      `INSERT INTO tasks (id, project_id, position, title) VALUES ('${value}', ${OF_A.project}, ascii('${value}'), 'x')`,
    ofB: OF_B.task,
    ofNobody: 'ffffffff-ffff-4fff-8fff-ffffffffffff',
  },
  {
    of: 'primary key of a partitioned table',
    insert: (value) =>
      `INSERT INTO events (id, tenant_id, at, body) OVERRIDING SYSTEM VALUE
       VALUES (4, '${TENANT_A}', '${value}', 'x')`,
    ofB: '2025-05-05',
    ofNobody: '2025-05-06',
  },
  {
    of: 'unique constraint of a table that has common rows too',
    insert: (value) => `INSERT INTO labels (tenant_id, name) VALUES ('${TENANT_A}', '${value}')`,
    ofB: 'label of b',
    ofNobody: 'label of nobody',
  },
  {
    of: 'primary key in another schema',
    insert: (value) => `INSERT INTO billing.invoices VALUES (${value}, '${TENANT_A}', ${OF_A.project}, 1)`,
    ofB: '2',
    ofNobody: '77',
  },
]

const deferred: (typeof keys)[number] = {
  of: 'deferred unique constraint',
  insert: (value) => `INSERT INTO documents (tenant_id, title) VALUES ('${TENANT_A}', '${value}')`,
  ofB: 'document of b',
  ofNobody: 'document of nobody',
}

const byError = ({ of, insert, ofB, ofNobody }: (typeof keys)[number]): Attack => ({
  name: `learns from the error of a ${of} what B has`,
  run: async ({ as }) => [
    await answerTo(as(TENANT_A), insert(ofB)),
    await answerTo(as(TENANT_A), insert(ofNobody)),
  ],
  naive: [STATE.unique, 'done'],
  planned: ['done', 'done'],
})

const bySilence = ({ of, insert, ofB, ofNobody }: (typeof keys)[number]): Attack => ({
  name: `learns from ON CONFLICT DO NOTHING on a ${of} what B has`,
  run: async ({ as }) => [
    await countOf(as(TENANT_A), `${insert(ofB)} ON CONFLICT DO NOTHING RETURNING 1`),
    await countOf(as(TENANT_A), `${insert(ofNobody)} ON CONFLICT DO NOTHING RETURNING 1`),
  ],
  naive: [0, 1],
  planned: [1, 1],
})

/** Unique keys look past all policies too. ON CONFLICT is not for deferrable ones. */
export const uniqueKeyAttacks: readonly Attack[] = [
  ...keys.map(byError),
  byError(deferred),
  ...keys.map(bySilence),
]
