import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { claim } from '../group.ts'
import type { ConformanceGroup } from '../group.ts'
import { assertUntouched, storedProjects } from '../tenants.ts'

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const INSUFFICIENT_PRIVILEGE = '42501'
const FOREIGN_KEY_VIOLATION = '23503'
const UNIQUE_VIOLATION = '23505'
const SYNTAX_ERROR = '42601'

const named = (projects: readonly string[], name: string): Record<string, string> =>
  Object.fromEntries(projects.map((id) => [id, name]))

/** What a tenant can change, row by row. */
export const writes: ConformanceGroup = {
  title: 'isolation of writes',
  claims: [
    claim('a row inserted without a tenant belongs to the current one', async (bench) => {
      const [a, b] = await bench.tenants(2, 0)
      const probe = await bench.open()
      const inserted = await bench.tenancy.run(a.id, () => probe.operations.insert('new'))
      assert.equal(inserted.tenantId, a.id)
      assert.deepEqual(await storedProjects(bench.observer, [a, b]), [{ [inserted.id]: 'new' }, {}])
    }),

    claim('a row cannot be planted in another tenant', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open()
      for (const text of [
        `insert into projects (tenant_id, name) values ($1::uuid, 'planted by another')`,
        `insert into projects (tenant_id, name) select $1::uuid, 'planted by another' from projects`,
        `with p as (insert into projects (tenant_id, name) values ($1::uuid, 'x') returning id) select count(*)::int from p`,
      ]) {
        await bench.refuses(INSUFFICIENT_PRIVILEGE, () =>
          bench.tenancy.run(a.id, () => probe.query(text, [b.id])),
        )
      }
      await assertUntouched(bench.observer, [a, b])
    }),

    claim('a row cannot be given to another tenant', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open()
      const give = 'update projects set tenant_id = $1::uuid where id = $2::uuid'
      await bench.refuses(INSUFFICIENT_PRIVILEGE, () =>
        bench.tenancy.run(a.id, () => probe.query(give, [b.id, a.projects[0]])),
      )
      await assertUntouched(bench.observer, [a, b])
    }),

    claim("another tenant's row cannot be moved to one's own", async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open()
      const take = 'update projects set tenant_id = $1::uuid where id = $2::uuid returning id::text as id'
      assert.deepEqual(await bench.tenancy.run(a.id, () => probe.query(take, [a.id, b.projects[0]])), [])
      await assertUntouched(bench.observer, [a, b])
    }),

    claim("another tenant's row can be neither updated nor deleted by its key", async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open()
      await bench.tenancy.run(a.id, async () => {
        for (const text of [
          `update projects set name = 'stolen' where id = $1::uuid returning id::text as id`,
          'delete from projects where id = $1::uuid returning id::text as id',
        ]) {
          assert.deepEqual(await probe.query(text, [b.projects[0]]), [])
        }
      })
      await assertUntouched(bench.observer, [a, b])
    }),

    claim('an update of a chosen row changes that row and no other', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open()
      const [first, ...others] = a.projects as [string, ...string[]]
      const rows = await bench.tenancy.run(a.id, () =>
        probe.query(`update projects set name = 'mine' where id = $1::uuid returning id::text as id, name`, [
          first,
        ]),
      )
      assert.deepEqual(rows, [{ id: first, name: 'mine' }])
      const [stored] = await storedProjects(bench.observer, [a])
      assert.deepEqual(stored, { [first]: 'mine', ...named(others, 'planted') })
      await assertUntouched(bench.observer, [b])
    }),

    claim('RETURNING gives back the own rows only', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open()
      const rows = await bench.tenancy.run(a.id, () =>
        probe.query(`update projects set name = 'mine' where id = any($1::uuid[]) returning id::text as id`, [
          [...a.projects, ...b.projects],
        ]),
      )
      assert.deepEqual(rows.map((row) => String(row['id'])).toSorted(), a.projects)
      await assertUntouched(bench.observer, [b])
    }),

    claim('a data-modifying CTE changes the own rows only', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open()
      const rows = await bench.tenancy.run(a.id, () =>
        probe.query(
          `with gone as (delete from projects returning id), added as (
             insert into projects (name) select 'moved' from gone returning id, name
           ) select (select count(*) from gone)::int as gone, (select count(*) from added)::int as added`,
        ),
      )
      assert.deepEqual(rows, [{ gone: 3, added: 3 }])
      const [stored] = await storedProjects(bench.observer, [a])
      assert.deepEqual(Object.values(stored ?? {}), ['moved', 'moved', 'moved'])
      await assertUntouched(bench.observer, [b])
    }),

    claim("an upsert neither overwrites nor reveals another tenant's row", async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open()
      const upsert = `insert into projects (id, name) values ($1::uuid, $2::text)
        on conflict (tenant_id, id) do update set name = excluded.name returning tenant_id::text as "tenantId", name`
      await bench.tenancy.run(a.id, async () => {
        assert.deepEqual(await probe.query(upsert, [a.projects[0], 'mine']), [
          { tenantId: a.id, name: 'mine' },
        ])
        // The key carries the tenant, so the same id is simply a row of one's own.
        assert.deepEqual(await probe.query(upsert, [b.projects[0], 'mine']), [
          { tenantId: a.id, name: 'mine' },
        ])
        await bench.refuses(INSUFFICIENT_PRIVILEGE, () =>
          probe.query(
            `insert into projects (tenant_id, id, name) values ($1::uuid, $2::uuid, 'x')
             on conflict (tenant_id, id) do update set name = 'stolen'`,
            [b.id, b.projects[0]],
          ),
        )
      })
      await assertUntouched(bench.observer, [b])
    }),

    claim('INSERT … ON CONFLICT DO NOTHING is scoped too', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open()
      const insert = `insert into projects (id, name) values ($1::uuid, 'again')
        on conflict (tenant_id, id) do nothing returning tenant_id::text as "tenantId"`
      await bench.tenancy.run(a.id, async () => {
        assert.deepEqual(await probe.query(insert, [a.projects[0]]), [])
        assert.deepEqual(await probe.query(insert, [b.projects[0]]), [{ tenantId: a.id }])
      })
      await assertUntouched(bench.observer, [b])
    }),

    claim('MERGE reaches the own rows only (before PostgreSQL 15: is a syntax error)', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open()
      const merge = `merge into projects p using (select unnest($1::uuid[]) as id) s on p.id = s.id
        when matched then update set name = 'merged'`
      const version = Number(await bench.observer.value(`select current_setting('server_version_num')`))
      const run = () => bench.tenancy.run(a.id, () => probe.query(merge, [[...a.projects, ...b.projects]]))
      if (version < 150_000) await bench.refuses(SYNTAX_ERROR, run)
      else await run()
      const [stored] = await storedProjects(bench.observer, [a])
      assert.deepEqual(stored, named(a.projects, version < 150_000 ? 'planted' : 'merged'))
      await assertUntouched(bench.observer, [b])
    }),

    claim("a child row can be attached to one's own parent only", async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open()
      const attach = `insert into tasks (project_id, title) values ($1::uuid, 'attached') returning tenant_id::text as "tenantId"`
      await bench.tenancy.run(a.id, async () => {
        assert.deepEqual(await probe.query(attach, [a.projects[0]]), [{ tenantId: a.id }])
        await bench.refuses(FOREIGN_KEY_VIOLATION, () => probe.query(attach, [b.projects[0]]))
        // The same answer as for a row that does not exist: nobody learns which ids are taken.
        await bench.refuses(FOREIGN_KEY_VIOLATION, () => probe.query(attach, [randomUUID()]))
      })
      assert.equal(
        await bench.observer.value('select count(*)::int from tasks where tenant_id = $1', [b.id]),
        0,
      )
    }),

    claim('a tenant can sign itself up, and nobody else', async (bench) => {
      const probe = await bench.open()
      const [newcomer, other] = [randomUUID(), randomUUID()]
      const signUp = `insert into tenants (id, name) values ($1::uuid, 'Newcomer')`
      await bench.tenancy.run(newcomer, async () => {
        await probe.query(signUp, [newcomer])
        await bench.refuses(INSUFFICIENT_PRIVILEGE, () => probe.query(signUp, [other]))
        await bench.refuses(UNIQUE_VIOLATION, () => probe.query(signUp, [newcomer]))
        assert.equal((await probe.operations.insert('first')).tenantId, newcomer)
      })
      const found = await bench.observer.rows(
        'select id::text as id from tenants where id = any($1::uuid[])',
        [[newcomer, other]],
      )
      assert.deepEqual(found, [{ id: newcomer }])
    }),
  ],
}
