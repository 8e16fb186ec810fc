import { TENANT_A, TENANT_B } from '../schemas/existing-application.ts'
import { answerTo, STATE, valueOf } from '../support/answers.ts'
import type { Attack } from './attack.ts'

/** What `GRANT ALL` gives, policies or not. */
export const privilegeAttacks: readonly Attack[] = [
  {
    name: `empties a table by TRUNCATE`,
    run: async ({ as, superuser }) => [
      await answerTo(as(TENANT_A), 'TRUNCATE comments'),
      await valueOf(superuser, 'SELECT count(*)::integer FROM comments'),
    ],
    naive: ['done', 0],
    planned: [STATE.privilege, 4],
  },
  {
    name: `empties what depends on a table by TRUNCATE … CASCADE`,
    run: async ({ as, superuser }) => [
      await answerTo(as(TENANT_A), 'TRUNCATE projects CASCADE'),
      await valueOf(superuser, 'SELECT count(*)::integer FROM tasks'),
    ],
    naive: ['done', 0],
    planned: [STATE.privilege, 4],
  },
  {
    name: `asks who the other customers are through a foreign key of a table of its own`,
    run: async ({ as }) => [
      await answerTo(
        as(TENANT_A),
        'CREATE TABLE workshop.probe (slug text REFERENCES public.tenants (slug))',
      ),
      await answerTo(as(TENANT_A), `INSERT INTO workshop.probe VALUES ('b')`),
    ],
    naive: ['done', 'done'],
    // Undefined table: there is no probe.
    planned: [STATE.privilege, '42P01'],
  },
  {
    name: `copies what B writes by a trigger`,
    run: async ({ as }) => {
      const a = as(TENANT_A)
      await a('CREATE TABLE workshop.loot (secret text)')
      await a(`CREATE FUNCTION workshop.take() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO workshop.loot VALUES (NEW.recovery_code); RETURN NEW; END $$`)
      const answer = await answerTo(
        a,
        'CREATE TRIGGER take BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION workshop.take()',
      )
      await as(TENANT_B)(`UPDATE users SET recovery_code = 'new secret'`)
      return [answer, await valueOf(a, 'SELECT secret FROM workshop.loot')]
    },
    naive: ['done', 'new secret'],
    planned: [STATE.privilege, undefined],
  },
  {
    name: `stops the others' INSERTs by setting a sequence back`,
    run: async ({ as }) => [
      await answerTo(as(TENANT_A), `SELECT setval('projects_id_seq', 1)`),
      await answerTo(
        as(TENANT_B),
        `INSERT INTO projects (tenant_id, code, name) VALUES ('${TENANT_B}', 'x', 'x')`,
      ),
    ],
    naive: ['done', STATE.unique],
    planned: [STATE.privilege, 'done'],
  },
  {
    name: `locks the others out by REINDEX`,
    run: ({ as }) => answerTo(as(TENANT_A), 'REINDEX INDEX projects_owner'),
    naive: 'done',
    planned: STATE.privilege,
    closedByServer: (serverVersion) =>
      serverVersion < 170_000 ? 'Before PostgreSQL 17 there is no MAINTAIN to grant' : undefined,
  },
]
