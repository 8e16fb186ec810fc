import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { claim } from '../group.ts'
import type { ConformanceGroup } from '../group.ts'
import { rendezvous } from '../rendezvous.ts'
import { assertOwnProjects, assertUntouched, LIST_PROJECTS, storedProjects } from '../tenants.ts'

const REASON = 'the conformance suite'
const ROLE = 'select current_user::text as role'

type DiagnosticEvent = Record<string, unknown> & {
  readonly scope?: { readonly reason?: unknown }
  readonly from?: { readonly tenantId?: unknown; readonly reason?: unknown; readonly values?: unknown }
}

/** What is published while `work` runs and is meant: others may be at work in the same process. */
async function eventsDuring(
  channel: string,
  isMeant: (event: DiagnosticEvent) => boolean,
  work: () => Promise<unknown>,
): Promise<DiagnosticEvent[]> {
  const events: DiagnosticEvent[] = []
  const listen = (event: unknown): void => {
    if (isMeant(event as DiagnosticEvent)) events.push(event as DiagnosticEvent)
  }
  subscribe(channel, listen)
  try {
    await work()
  } finally {
    unsubscribe(channel, listen)
  }
  return events
}

/** Work across tenants: possible, on purpose, on the record, and for nobody else. */
export const systemAccess: ConformanceGroup = {
  title: 'system access and its audit',
  claims: [
    claim('asSystem sees the rows of all tenants', async (bench) => {
      await bench.tenants(3)
      const probe = await bench.open()
      const all = await bench.observer.value('select count(*)::int from projects')
      const count = 'select count(*)::int as n from projects'
      assert.deepEqual(await bench.tenancy.asSystem(REASON, () => probe.query(count)), [{ n: all }])
      assert.equal((await bench.tenancy.asSystem(REASON, () => probe.operations.list())).length, all)
    }),

    claim('asSystem changes rows of any tenant', async (bench) => {
      const [a, b, c] = await bench.tenants(3)
      const probe = await bench.open()
      await bench.tenancy.asSystem(REASON, () =>
        probe.query(`update projects set name = 'by the system' where tenant_id in ($1::uuid, $2::uuid)`, [
          a.id,
          b.id,
        ]),
      )
      for (const projects of await storedProjects(bench.observer, [a, b])) {
        assert.deepEqual([...new Set(Object.values(projects))], ['by the system'])
      }
      await assertUntouched(bench.observer, [c])
    }),

    claim('asSystem transactions commit and roll back', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open()
      const rename = (name: string) =>
        bench.tenancy.asSystem(REASON, () =>
          probe.transaction(async (transaction) => {
            await transaction.query('update projects set name = $1::text where tenant_id = $2::uuid', [
              name,
              a.id,
            ])
            if (name === 'undone') throw new Error(name)
          }),
        )
      await rename('done')
      await assert.rejects(rename('undone'), /undone/)
      const [stored] = await storedProjects(bench.observer, [a])
      assert.deepEqual(Object.values(stored ?? {}), ['done', 'done', 'done'])
      await assertUntouched(bench.observer, [b])
    }),

    claim('each kind of scope runs as its own role, with no settings left over', async (bench) => {
      const [a] = await bench.tenants(1)
      const probe = await bench.open({ max: 1 })
      const look = `select current_user::text as role, coalesce(current_setting('app.current_tenant_id', true), '') as tenant,
        coalesce(current_setting('app.current_user_id', true), '') as "user"`
      const app = new URL(bench.urls.app).username
      const system = new URL(bench.urls.system).username
      for (let round = 0; round < 2; round += 1) {
        await bench.tenancy.run({ tenantId: a.id, userId: a.userId }, async () => {
          assert.deepEqual(await probe.query(look), [{ role: app, tenant: a.id, user: a.userId }])
          assert.deepEqual(await bench.tenancy.asSystem(REASON, () => probe.query(look)), [
            { role: system, tenant: '', user: '' },
          ])
          assert.deepEqual(await bench.tenancy.withoutTenant(() => probe.query(look)), [
            { role: app, tenant: '', user: '' },
          ])
        })
      }
    }),

    claim('asSystem needs a reason, and sends nothing without one', async (bench) => {
      const [a] = await bench.tenants(1)
      const probe = await bench.open()
      await probe.sendsNothing(async () => {
        for (const reason of ['', '   ', '\n', undefined, null, 0, {}, ['reason']]) {
          await bench.refuses('SYSTEM_REASON_REQUIRED', () =>
            bench.tenancy.asSystem(reason as string, () => probe.query('delete from projects')),
          )
        }
      })
      await assertUntouched(bench.observer, [a])
    }),

    claim('asSystem is published once on tenantry:system, with its reason and who asked', async (bench) => {
      const [a] = await bench.tenants(1)
      const probe = await bench.open()
      const given = `monthly invoice ${randomUUID()}`
      const events = await eventsDuring(
        'tenantry:system',
        ({ reason, from }) => reason === given || from?.reason === given || from?.tenantId === a.id,
        () =>
          bench.tenancy.run({ tenantId: a.id, userId: a.userId }, () =>
            bench.tenancy.asSystem(given, async () => {
              await probe.list()
              await probe.query(ROLE)
              await probe.transaction((transaction) => transaction.query(ROLE))
            }),
          ),
      )
      assert.deepEqual(
        events.map(({ reason, from }) => ({ reason, by: from?.values })),
        [{ reason: given, by: { tenantId: a.id, userId: a.userId } }],
      )
    }),

    claim('work for tenants is not published as system access', async (bench) => {
      const [a] = await bench.tenants(1)
      const probe = await bench.open()
      const events = await eventsDuring(
        'tenantry:system',
        ({ from }) => from?.tenantId === a.id,
        () =>
          bench.tenancy.run(a.id, async () => {
            await probe.list()
            await probe.operations.updateAll('renamed')
            await probe.transaction((transaction) => transaction.query(ROLE))
          }),
      )
      assert.deepEqual(events, [])
    }),

    claim('a refusal is published on tenantry:refused, with its code and scope', async (bench) => {
      const probe = await bench.open({ system: false })
      const reason = `refused ${randomUUID()}`
      const events = await eventsDuring(
        'tenantry:refused',
        ({ scope }) => scope?.reason === reason,
        () => bench.refuses('SYSTEM_POOL_REQUIRED', () => bench.tenancy.asSystem(reason, () => probe.list())),
      )
      assert.ok(events.length > 0, 'nothing was published')
      assert.deepEqual([...new Set(events.map(({ code }) => code))], ['SYSTEM_POOL_REQUIRED'])
    }),

    claim('without a system pool asSystem is refused and sends nothing', async (bench) => {
      const [a] = await bench.tenants(1)
      const probe = await bench.open({ system: false })
      for (let round = 0; round < 2; round += 1) {
        await probe.sendsNothing(async () => {
          await bench.refuses('SYSTEM_POOL_REQUIRED', () =>
            bench.tenancy.asSystem(REASON, () => probe.list()),
          )
          await bench.refuses('SYSTEM_POOL_REQUIRED', () =>
            bench.tenancy.asSystem(REASON, () =>
              probe.transaction((transaction) => transaction.query('delete from projects')),
            ),
          )
        })
        assertOwnProjects(await bench.tenancy.run(a.id, () => probe.list()), a)
      }
      await assertUntouched(bench.observer, [a])
    }),

    claim('system rights do not spread to tenants that are at work at the same time', async (bench) => {
      const tenants = await bench.tenants(50, 2)
      const probe = await bench.open({ max: 2 })
      await Promise.all(
        tenants.flatMap((tenant) => [
          bench.tenancy
            .asSystem(REASON, () => probe.query('select count(*)::int as n from projects'))
            .then(([row]) => assert.ok(Number(row?.['n']) >= 100)),
          bench.tenancy.run(tenant.id, () => probe.list()).then((rows) => assertOwnProjects(rows, tenant)),
          bench.tenancy
            .run(tenant.id, () => probe.operations.list())
            .then((rows) => assertOwnProjects(rows, tenant)),
        ]),
      )
    }),

    claim('a find by key beside the system’s, in the same tick, keeps its tenant', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open({ max: 2 })
      const foreign = b.projects[0] as string
      const [bySystem, byTenant, byNobody] = await Promise.all([
        bench.tenancy.asSystem(REASON, () => probe.operations.find(foreign)),
        bench.tenancy.run(a.id, () => probe.operations.find(foreign)),
        bench.tenancy.withoutTenant(() => probe.operations.find(foreign)),
      ])
      assert.equal(bySystem?.tenantId, b.id)
      assert.equal(byTenant, undefined)
      assert.equal(byNobody, undefined)
    }),

    claim('a tenant’s transaction beside a system transaction keeps its rights', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open({ max: 1 })
      const bothOpen = rendezvous(2)
      await Promise.all([
        bench.tenancy.asSystem(REASON, () =>
          probe.transaction(async (transaction) => {
            await transaction.query(LIST_PROJECTS)
            await bothOpen()
            assert.ok((await transaction.query(LIST_PROJECTS)).length >= 6)
          }),
        ),
        bench.tenancy.run(a.id, () =>
          probe.transaction(async (transaction) => {
            await transaction.query(LIST_PROJECTS)
            await bothOpen()
            assertOwnProjects(await transaction.query(LIST_PROJECTS), a)
            await transaction.query('delete from projects')
          }),
        ),
      ])
      assert.deepEqual(await storedProjects(bench.observer, [a]), [{}])
      await assertUntouched(bench.observer, [b])
    }),

    claim(
      'a tenant inside asSystem is scoped, and afterwards the system is the system again',
      async (bench) => {
        const [a] = await bench.tenants(2)
        const probe = await bench.open({ max: 1 })
        await bench.tenancy.asSystem(REASON, async () => {
          const before = (await probe.list()).length
          assertOwnProjects(await bench.tenancy.run(a.id, () => probe.list()), a)
          assert.deepEqual(await bench.tenancy.withoutTenant(() => probe.list()), [])
          assert.equal((await probe.list()).length, before)
        })
      },
    ),

    claim('system statements that fail leave the system pool whole', async (bench) => {
      const probe = await bench.open({ max: 1 })
      for (let round = 0; round < 3; round += 1) {
        await bench.refuses('22012', () => bench.tenancy.asSystem(REASON, () => probe.query('select 1 / 0')))
        await bench.refuses('22012', () =>
          bench.tenancy.asSystem(REASON, () =>
            probe.transaction((transaction) => transaction.query('select 1 / 0')),
          ),
        )
      }
      assert.deepEqual(await bench.tenancy.asSystem(REASON, () => probe.query(ROLE)), [
        { role: new URL(bench.urls.system).username },
      ])
      await probe.assertWhole()
    }),
  ],
}
