import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ResolvedTenancy } from '../../src/index.ts'
import type { Query } from '../../src/query.ts'
import { deleteTenant, type DeletionProgress } from '../../src/tenants/delete-tenant.ts'
import type { OpenDatabase } from '../support/open-database.ts'
import {
  acme,
  checksumsOfOthers,
  globex,
  openWorkshop,
  rejection,
  resolve,
  rowsLeft,
  seedWorkshop,
  workshopModel,
  workshopTables,
} from './support/workshop.ts'

let database: OpenDatabase
let tenancy: ResolvedTenancy

beforeAll(async () => {
  ;({ database, tenancy } = await openWorkshop('delete-tenant'))
})
afterAll(() => database.close())
beforeEach(async () => {
  await database.superuser(`truncate ${allTables}`)
  await seedWorkshop(database.superuser)
})

const allTables =
  'tenants, "Users", projects, tasks, events, notes, pinned_notes, labels, task_labels, plans, access_log'

const left = (): Promise<Readonly<Record<string, number>>> =>
  rowsLeft(database.superuser, workshopTables, acme)
const others = (): Promise<Readonly<Record<string, string>>> =>
  checksumsOfOthers(database.superuser, workshopTables, acme)

describe('a dry run', () => {
  test('says what would be deleted, children first, and changes nothing', async () => {
    const before = [await left(), await others()]
    const report = await deleteTenant(database.system, tenancy, acme)

    expect(report).toMatchObject({ tenant: acme, dryRun: true, problems: [], rows: 27 })
    const order = report.tables.map(({ table }) => table)
    for (const [child, parent] of [
      ['public.events', 'public.tasks'],
      ['public.task_labels', 'public.tasks'],
      ['public.task_labels', 'public.labels'],
      ['public.tasks', 'public.tenants'],
      ['public.notes', 'public.tenants'],
    ] as const) {
      expect(order.indexOf(child), `${child} before ${parent}`).toBeLessThan(order.indexOf(parent))
    }
    expect(Object.fromEntries(report.tables.map(({ table, rows }) => [table, rows]))).toEqual({
      'public.tenants': 1,
      'public.Users': 6,
      'public.projects': 2,
      'public.tasks': 6,
      'public.events': 6,
      'public.notes': 2,
      'public.pinned_notes': 1,
      'public.labels': 1,
      'public.task_labels': 2,
    })
    expect([await left(), await others()]).toEqual(before)
  })

  test('says which tables outside of the tenancy keep rows', async () => {
    const { notes } = await deleteTenant(database.system, tenancy, acme)
    expect(notes.map(({ object }) => object)).toContain('public.access_log')
  })

  test('says for which foreign keys an index would spare PostgreSQL from looking through tables', async () => {
    const index = 'CREATE INDEX ON public."Users" (tenant_id, manager_id)'
    const fixes = async (): Promise<unknown[]> => {
      const current = await resolve(database.superuser, workshopModel)
      return (await deleteTenant(database.system, current, acme)).notes.map(({ fix }) => fix)
    }
    const before = await fixes()
    expect(before).toContain(index)
    // Its primary key begins with these columns.
    expect(before).not.toContain('CREATE INDEX ON public.task_labels (tenant_id, task_id)')
    await database.superuser(index.replace('INDEX', 'INDEX for_managers'))
    expect(await fixes()).not.toContain(index)
    await database.superuser('drop index for_managers')
  })
})

describe('a deletion', () => {
  test.each([1, 2, 1000])(
    'in batches of %i leaves no row, and every other row as it was',
    async (batchSize) => {
      const before = await others()
      const report = await deleteTenant(database.system, tenancy, acme, { dryRun: false, batchSize })

      expect(report).toMatchObject({ dryRun: false, rows: 27, problems: [] })
      expect(await left()).toEqual({})
      expect(await others()).toEqual(before)
    },
  )

  test('tells of each batch once it is committed, up to everything', async () => {
    const seen: DeletionProgress[] = []
    const watcher = await database.connect('superuser')
    try {
      await deleteTenant(database.system, tenancy, acme, {
        dryRun: false,
        batchSize: 2,
        onProgress: async (progress) => {
          seen.push(progress)
          const counts = await rowsLeft(watcher.query, workshopTables, acme)
          const remaining = Object.values(counts).reduce((sum, rows) => sum + rows, 0)
          // What one statement deletes from several tables is told table by table.
          expect(remaining).toBeLessThanOrEqual(27 - progress.allRows)
        },
      })
    } finally {
      await watcher.end()
    }
    expect(seen.filter(({ table }) => table === 'public.events').map(({ rows, of }) => [rows, of])).toEqual([
      [2, 6],
      [4, 6],
      [6, 6],
    ])
    expect(seen.at(-1)).toMatchObject({ allRows: 27, ofAll: 27 })
  })

  test('can leave the row of the tenant itself, once that refers to nothing any more', async () => {
    const before = await others()
    const keep = { dryRun: false, keepTenantRow: true }
    const refused = await rejection(deleteTenant(database.system, tenancy, acme, keep))
    expect(refused).toMatchObject({ code: 'OFFBOARDING_REFUSED', problems: [{ code: 'UNSUPPORTED_KEY' }] })
    expect(refused.message).toContain('public.tenants (id, owner_id)')

    await database.superuser('update tenants set owner_id = null where id = $1', [acme])
    await deleteTenant(database.system, tenancy, acme, keep)
    expect(await left()).toEqual({ tenants: 1 })
    expect(await others()).toEqual(before)
    expect(await deleteTenant(database.system, tenancy, acme, keep)).toMatchObject({ rows: 0 })
  })

  test('clears away rows of a tenant whose own row is gone already', async () => {
    await database.superuser(
      `begin; alter table notes disable trigger all;
       delete from tasks where false; insert into notes values ('00000000-0000-4000-8000-000000000001', 'orphan'); commit`,
    )
    const orphan = '00000000-0000-4000-8000-000000000001'
    expect(await deleteTenant(database.system, tenancy, orphan, { dryRun: false })).toMatchObject({ rows: 1 })
    expect(await rowsLeft(database.superuser, workshopTables, orphan)).toEqual({})
  })

  test('other tenants go on writing meanwhile, and keep what they wrote', async () => {
    const globexWrites = database.as(globex)
    let written = 0
    await deleteTenant(database.system, tenancy, acme, {
      dryRun: false,
      batchSize: 1,
      onProgress: async () => {
        written += 1
        await globexWrites('insert into tasks (id, project_id, title) values ($1, 1, $2)', [
          100 + written,
          'new',
        ])
        await globexWrites('update tasks set title = $1 where id = 1', [`renamed ${written}`])
        await globexWrites(`insert into events (at, id, task_id) values ('2025-03-01', $1, 1)`, [
          100 + written,
        ])
      },
    })
    expect(written).toBeGreaterThan(15)
    expect(await left()).toEqual({})
    const { rows } = await database.superuser(
      `select (select count(*)::int from tasks where title = 'new') as tasks,
              (select count(*)::int from events where id > 100) as events,
              (select title from tasks where tenant_id = $1 and id = 1) as title`,
      [globex],
    )
    expect(rows).toEqual([{ tasks: written, events: written, title: `renamed ${written}` }])
  })

  test('takes rows that refer to themselves, and trees from their leaves on, in batches like any', async () => {
    await database.superuser(
      `insert into "Users" select $1, n, 'self' || n, case when n % 2 = 0 then n else 1 end from generate_series(7, 106) n`,
      [acme],
    )
    const steps: number[] = []
    await deleteTenant(database.system, tenancy, acme, {
      dryRun: false,
      batchSize: 10,
      onProgress: ({ table, rows }) => {
        if (table === 'public.Users') steps.push(rows)
      },
    })
    const sizes = steps.map((rows, at) => rows - (steps[at - 1] ?? 0))
    expect(Math.max(...sizes)).toBe(10)
    expect(steps.at(-1)).toBe(106)
  })

  test('of a long chain does not take a statement for each row', async () => {
    await database.superuser(
      `insert into "Users" select $1, n, 'chain' || n, n - 1 from generate_series(7, 1500) n`,
      [acme],
    )
    const before = await others()
    let statements = 0
    const counting: Query = (text, values) => {
      statements += 1
      return database.system(text, values)
    }
    await deleteTenant(counting, tenancy, acme, { dryRun: false, batchSize: 100 })
    expect(statements).toBeLessThan(300)
    expect(await left()).toEqual({})
    expect(await others()).toEqual(before)
  })
})

describe('a deletion that is cut off', () => {
  class Cut extends Error {}

  /** A connection that is gone from the n-th statement on: before it is sent, or before its answer arrives. */
  function cutAt(query: Query, limit: number, moment: 'before' | 'after'): Query {
    let sent = 0
    return async (text, values) => {
      sent += 1
      if (sent > limit || (sent === limit && moment === 'before')) throw new Cut()
      const result = await query(text, values)
      if (sent === limit) throw new Cut()
      return result
    }
  }

  const outcomeOf = async (query: Query): Promise<string> => {
    try {
      await deleteTenant(query, tenancy, acme, { dryRun: false, batchSize: 2 })
      return 'done'
    } catch (error) {
      return error instanceof Cut ? 'cut' : String((error as { code?: unknown }).code)
    }
  }

  test.each(['before', 'after'] as const)(
    'at any statement, %s it reaches the server, is continued by the next one',
    async (moment) => {
      const reseed = async (): Promise<void> => {
        await database.superuser(`truncate ${allTables}`)
        await seedWorkshop(database.superuser, 3)
      }
      await reseed()
      const before = await others()
      const endings = new Map<string, number>()
      let finished: string | undefined
      for (let cut = 1; finished === undefined; cut += 1) {
        const connection = await database.connect('system')
        const first = await outcomeOf(cutAt(connection.query, cut, moment))
        await connection.end()
        if (first === 'done') finished = first
        const ending = finished ?? (await outcomeOf(database.system))
        endings.set(ending, (endings.get(ending) ?? 0) + 1)
        expect(await left(), `cut ${moment} statement ${cut}`).toEqual({})
        expect(await others(), `cut ${moment} statement ${cut}`).toEqual(before)
        await reseed()
      }
      expect(endings.get('done')).toBeGreaterThan(50)
      endings.delete('done')
      // Only the answer to the very last COMMIT can be lost after everything is done.
      expect([...endings]).toEqual(moment === 'after' ? [['TENANT_NOT_FOUND', 1]] : [])
    },
    300_000,
  )

  test('by its callback keeps what was committed, and goes on from there', async () => {
    const stopped = deleteTenant(database.system, tenancy, acme, {
      dryRun: false,
      batchSize: 4,
      onProgress: ({ table }) => {
        if (table === 'public.tasks') throw new Cut()
      },
    })
    await expect(stopped).rejects.toThrow(Cut)
    const remaining = await left()
    expect(remaining['tenants']).toBe(1)
    expect(remaining['events']).toBeUndefined()
    expect(await deleteTenant(database.system, tenancy, acme, { dryRun: false })).toMatchObject({
      dryRun: false,
    })
    expect(await left()).toEqual({})
  })
})

describe('what a deletion refuses', () => {
  test.each([undefined, null, '', 'acme', 1, {}, [acme], `${acme}' or true --`])('the id %j', async (id) => {
    const never: Query = () => Promise.reject(new Error('sent'))
    await expect(deleteTenant(never, tenancy, id as string)).rejects.toMatchObject({
      code: 'INVALID_TENANT_ID',
    })
  })

  test('a tenant that is not there', async () => {
    const nobody = '00000000-0000-4000-8000-000000000000'
    await expect(deleteTenant(database.system, tenancy, nobody)).rejects.toMatchObject({
      code: 'TENANT_NOT_FOUND',
    })
  })

  test.each(['app', 'owner'] as const)('the role %s, from which policies hide rows', async (role) => {
    const before = await left()
    const { problems } = await deleteTenant(database[role], tenancy, acme)
    expect(problems.map(({ code, object }) => `${code} ${object}`)).toContain(
      'MISSING_PRIVILEGE public.tasks',
    )
    const refused = await rejection(deleteTenant(database[role], tenancy, acme, { dryRun: false }))
    expect(refused).toMatchObject({ code: 'OFFBOARDING_REFUSED', problems })
    expect(await left()).toEqual(before)
  })

  test('a role without the rights, naming all of them at once', async () => {
    await database.superuser('revoke delete on tasks, projects from tenantry_system')
    await database.superuser('revoke update on labels from tenantry_system')
    try {
      const { problems } = await deleteTenant(database.system, tenancy, acme)
      expect(problems.map(({ message }) => message)).toEqual([
        expect.stringContaining('no DELETE on public.projects'),
        expect.stringContaining('no DELETE on public.tasks'),
        expect.stringContaining('no UPDATE on public.labels'),
      ])
    } finally {
      await database.superuser(
        'grant select, insert, update, delete on all tables in schema public to tenantry_system',
      )
    }
  })

  test('a transaction of the caller, which it would commit', async () => {
    await database.system('begin')
    try {
      await expect(deleteTenant(database.system, tenancy, acme)).rejects.toMatchObject({
        code: 'OFFBOARDING_REFUSED',
      })
    } finally {
      await database.system('rollback')
    }
  })

  test('a query function that spreads one transaction over several connections', async () => {
    const second = await database.connect('system')
    let turn = 0
    const spread: Query = (text, values) => {
      turn += 1
      return (turn % 2 === 0 ? database.system : second.query)(text, values)
    }
    const before = await left()
    try {
      await expect(deleteTenant(spread, tenancy, acme, { dryRun: false })).rejects.toMatchObject({
        code: 'TRANSACTION_LOST',
      })
    } finally {
      await database.system('rollback')
      await second.end()
    }
    expect(await left()).toEqual(before)
  })
})

describe('what is left behind', () => {
  test('by a trigger that keeps rows ends the deletion with their table, and the tenant stays', async () => {
    await database.superuser(
      `create function keep() returns trigger language plpgsql as 'begin return null; end';
       create trigger soft_delete before delete on notes for each row execute function keep()`,
    )
    try {
      const withTrigger = await resolve(database.superuser, workshopModel)
      const { notes } = await deleteTenant(database.system, withTrigger, acme)
      expect(notes.map(({ message }) => message).join()).toContain('Trigger soft_delete')

      const incomplete = await rejection(deleteTenant(database.system, withTrigger, acme, { dryRun: false }))
      expect(incomplete).toMatchObject({
        code: 'OFFBOARDING_INCOMPLETE',
        problems: [{ object: 'public.notes', rows: { count: 2 } }],
      })
      expect(incomplete.problems[0]?.fix).toContain('soft_delete')
      expect(await left()).toMatchObject({ tenants: 1, 'only notes': 2 })
    } finally {
      await database.superuser('drop function keep() cascade')
    }
    await deleteTenant(database.system, tenancy, acme, { dryRun: false })
    expect(await left()).toEqual({})
  })

  test('by the tenant itself, still at work, does too', async () => {
    const atWork = database.as(acme)
    let added = 0
    const incomplete = await rejection(
      deleteTenant(database.system, tenancy, acme, {
        dryRun: false,
        onProgress: async ({ table }) => {
          if (table !== 'public.Users') return
          added += 1
          await atWork(`insert into notes (text) values ('still here')`)
        },
      }),
    )
    expect(incomplete).toMatchObject({ code: 'OFFBOARDING_INCOMPLETE' })
    expect(await left()).toMatchObject({ tenants: 1, 'only notes': added })
  })
})
