import { OF_A, TENANT_A, TENANT_B } from '../schemas/existing-application.ts'
import { answerTo, STATE, valueOf } from '../support/answers.ts'
import type { Attack } from './attack.ts'

/** Runs a statement as A, then says how it ended and what the superuser's query finds. */
function writes(
  name: string,
  statement: string,
  { found }: { found: string },
  naive: readonly [answer: string, found: unknown],
  planned: readonly [answer: string, found: unknown],
): Attack {
  return {
    name,
    run: async ({ as, superuser }) => [
      await answerTo(as(TENANT_A), statement),
      await valueOf(superuser, found),
    ],
    naive,
    planned,
  }
}

const ordersOf = (tenant: string): string =>
  `SELECT count(*)::integer FROM "order" WHERE tenant_id = '${tenant}'`

/** Rows that policies for reading do not hold back, and tables on which nobody wrote one. */
export const rowAttacks: readonly Attack[] = [
  writes(
    `moves its rows to B by changing their tenant`,
    `UPDATE "order" SET tenant_id = '${TENANT_B}'`,
    { found: ordersOf(TENANT_B) },
    ['done', 2],
    [STATE.privilege, 1],
  ),
  writes(
    `plants a row among B's`,
    `INSERT INTO "order" (tenant_id) VALUES ('${TENANT_B}')`,
    { found: ordersOf(TENANT_B) },
    ['done', 2],
    [STATE.privilege, 1],
  ),
  writes(
    `changes B's rows by an UPDATE without WHERE`,
    `UPDATE "order" SET "user" = 'A'`,
    { found: `SELECT "user" FROM "order" WHERE tenant_id = '${TENANT_B}'` },
    ['done', 'A'],
    ['done', 'buyer of b'],
  ),
  writes(
    `deletes B's rows by a DELETE without WHERE`,
    `DELETE FROM "order"`,
    { found: ordersOf(TENANT_B) },
    ['done', 0],
    ['done', 1],
  ),
  writes(
    `changes B's rows in the child of a child`,
    `UPDATE comments SET body = 'A' WHERE body LIKE '%b'`,
    { found: `SELECT count(*)::integer FROM comments WHERE body = 'A'` },
    ['done', 2],
    ['done', 0],
  ),
  writes(
    `deletes B's rows in the child of another schema`,
    `DELETE FROM billing.invoice_lines WHERE text LIKE '%b'`,
    { found: `SELECT count(*)::integer FROM billing.invoice_lines` },
    ['done', 2],
    ['done', 4],
  ),
  {
    name: `reads the list of all customers`,
    run: ({ as }) => valueOf(as(TENANT_A), `SELECT string_agg(slug, ' ' ORDER BY slug) FROM tenants`),
    naive: 'a b',
    planned: 'a',
  },
  writes(
    `renames B`,
    `UPDATE tenants SET name = 'A'`,
    { found: `SELECT name FROM tenants WHERE slug = 'b'` },
    ['done', 'A'],
    ['done', 'Company b'],
  ),
  writes(
    `changes a shared table for all`,
    `UPDATE countries SET name = 'A'`,
    { found: `SELECT count(*)::integer FROM countries WHERE name = 'A'` },
    ['done', 2],
    [STATE.privilege, 0],
  ),
  writes(
    `changes the common rows of a table that has both`,
    `UPDATE labels SET name = 'A' WHERE tenant_id IS NULL`,
    { found: `SELECT count(*)::integer FROM labels WHERE name = 'A'` },
    ['done', 1],
    ['done', 0],
  ),
  writes(
    `deletes the common rows of a table that has both`,
    `DELETE FROM labels WHERE tenant_id IS NULL`,
    { found: `SELECT count(*)::integer FROM labels WHERE tenant_id IS NULL` },
    ['done', 0],
    ['done', 1],
  ),
  writes(
    `puts its own row before everybody's eyes`,
    `UPDATE labels SET tenant_id = NULL WHERE name = 'label of a'`,
    { found: `SELECT count(*)::integer FROM labels WHERE tenant_id IS NULL` },
    ['done', 2],
    [STATE.privilege, 1],
  ),
  {
    name: `reads everything through a permissive policy that someone adds later`,
    run: async ({ owner, as }) => {
      await owner(`CREATE POLICY support ON projects FOR SELECT TO PUBLIC USING (true)`)
      return valueOf(as(TENANT_A), `SELECT count(*)::integer FROM projects WHERE tenant_id = '${TENANT_B}'`)
    },
    naive: 2,
    planned: 0,
  },
  {
    name: `writes everything through a permissive policy that someone adds later`,
    run: async ({ owner, as, superuser }) => {
      await owner(`CREATE POLICY support ON projects TO PUBLIC USING (true) WITH CHECK (true)`)
      await as(TENANT_A)(`UPDATE projects SET name = 'A'`)
      return valueOf(
        superuser,
        `SELECT count(*)::integer FROM projects WHERE tenant_id = '${TENANT_B}' AND name = 'A'`,
      )
    },
    naive: 2,
    planned: 0,
  },
  {
    name: `reads tables without any tenant set, on a connection that never had one`,
    run: async ({ app }) => [
      await valueOf(app, `SELECT count(*)::integer FROM comments`),
      await valueOf(app, `SELECT count(*)::integer FROM billing.invoices`),
    ],
    naive: [4, 2],
    planned: [0, 0],
  },
  {
    name: `reads tables without any tenant set, on a connection that has acted for one`,
    run: async ({ as, app }) => {
      await as(TENANT_A)('SELECT')
      return [
        await valueOf(app, `SELECT count(*)::integer FROM comments`),
        await valueOf(app, `SELECT count(*)::integer FROM billing.invoices`),
      ]
    },
    naive: [4, 2],
    planned: [0, 0],
  },
  {
    name: `writes tables without any tenant set`,
    run: async ({ app, superuser }) => {
      await answerTo(app, `INSERT INTO billing.invoices VALUES (9, '${TENANT_B}', ${OF_A.project}, 0)`)
      await answerTo(app, `UPDATE billing.invoices SET amount = 0`)
      return valueOf(superuser, `SELECT count(*)::integer FROM billing.invoices WHERE amount = 0`)
    },
    naive: 3,
    planned: 0,
  },
]
