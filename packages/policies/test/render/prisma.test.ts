import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { renderPrisma } from '../../src/render/render-prisma.ts'
import { handWrittenPlan, SMALL_SCHEMA, step } from '../apply/support/hand-written-plan.ts'
import { openDatabase, type OpenDatabase } from '../support/open-database.ts'
import { expectApplied, FAILING, hostilePlan, hostileState, NOTHING } from './support/hostile-plan.ts'
import { prismaEngine, type PrismaEngine, type Sending } from './support/prisma-engine.ts'

let database: OpenDatabase

beforeEach(async () => {
  database = await openDatabase('prisma', SMALL_SCHEMA)
})
afterEach(() => database.close())

async function withPrisma<T>(sending: Sending, work: (engine: PrismaEngine) => Promise<T>): Promise<T> {
  const engine = await prismaEngine(database.database.urls.owner, sending)
  try {
    return await work(engine)
  } finally {
    await engine.close()
  }
}

const named = { name: 'add tenancy', timestamp: new Date('2026-01-31T23:59:59Z') }

describe.each([
  ['offline', 'one text'],
  ['offline', 'statement by statement'],
  ['online', 'one text'],
  ['online', 'statement by statement'],
] as const)('an %s plan, sent as %s', (shape, sending) => {
  test('is what Prisma’s schema engine applies', async () => {
    await database.owner('DELETE FROM notes WHERE tenant_id IS NULL')
    const files = renderPrisma(await hostilePlan(database.owner, shape), named)
    const folders = files.map(({ path }) => path.replace(/\/migration\.sql$/, ''))
    await withPrisma(sending, async (engine) => {
      expect(await engine.deploy(files)).toEqual(folders)
      await expectApplied(database.superuser, shape)
      // Known as done.
      expect(await engine.deploy(files)).toEqual([])
    })
  })

  test('changes nothing while rows are in the way, and says which', async () => {
    const files = renderPrisma(await hostilePlan(database.owner, shape))
    await withPrisma(sending, async (engine) => {
      await expect(engine.deploy(files)).rejects.toThrow(
        '- public.notes (TENANT_MISSING): Its rows say no tenant.',
      )
    })
    expect(await hostileState(database.superuser)).toEqual(NOTHING)
  })

  test('leaves no half of a step that fails, and goes on once the cause is removed', async () => {
    await database.owner('DELETE FROM notes WHERE tenant_id IS NULL')
    const files = renderPrisma(await hostilePlan(database.owner, shape, [FAILING]), named)
    await withPrisma(sending, async (engine) => {
      await expect(engine.deploy(files)).rejects.toThrow('nothing of relation notes')
      expect(await hostileState(database.superuser)).toMatchObject({ half: false, table: shape === 'online' })
      // Prisma could note down why: its connection is not left within a failed transaction.
      const { rows } = await database.owner(
        'SELECT migration_name AS name, logs FROM _prisma_migrations WHERE finished_at IS NULL',
      )
      expect(rows).toEqual([
        { name: expect.any(String), logs: expect.stringContaining('nothing of relation notes') },
      ])

      await database.owner('ALTER TABLE notes ADD COLUMN nothing integer')
      await engine.resolveRolledBack(String(rows[0]?.['name']))
      await engine.deploy(files)
    })
    expect(await hostileState(database.superuser)).toMatchObject({ half: true, table: true, views: 2 })
  })
})

test('the folders are in order, and named as asked', async () => {
  const plan = await hostilePlan(database.owner, 'online')
  expect(renderPrisma(plan, named).map(({ path }) => path)).toEqual([
    '20260131235959_add_tenancy_1/migration.sql',
    '20260201000000_add_tenancy_2/migration.sql',
    '20260201000001_add_tenancy_3/migration.sql',
    '20260201000002_add_tenancy_4/migration.sql',
    '20260201000003_add_tenancy_5/migration.sql',
  ])
  expect(renderPrisma(await hostilePlan(database.owner, 'offline'), named).map(({ path }) => path)).toEqual([
    '20260131235959_add_tenancy/migration.sql',
  ])
  expect(renderPrisma({ ...plan, steps: [] }, named)).toEqual([])
})

test('each step of one file is a transaction of its own, so that its locks do not pile up', async () => {
  const look = (place: number): string => `INSERT INTO public.seen SELECT ${place}, txid_current()`
  const plan = await handWrittenPlan(
    database.owner,
    [
      step('table', ['CREATE TABLE public.seen (place integer, transaction bigint)']),
      step('first', [look(1), look(2)]),
      step('second', [look(3), look(4)]),
    ],
    { shape: 'online' },
  )
  for (const sending of ['one text', 'statement by statement'] as const) {
    await withPrisma(sending, (engine) => engine.deploy(renderPrisma(plan, { name: sending })))
    const { rows } = await database.owner('SELECT transaction FROM seen ORDER BY place')
    const [first, second, third, fourth] = rows.map(({ transaction }) => transaction)
    expect([first === second, third === fourth, first === third]).toEqual([true, true, false])
    await database.owner('DROP TABLE seen, _prisma_migrations')
  }
})
