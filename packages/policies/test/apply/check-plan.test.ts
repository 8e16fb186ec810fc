import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { checkPlan } from '../../src/apply/check-plan.ts'
import type { Problem } from '../../src/problem.ts'
import type { Query } from '../../src/query.ts'
import { openDatabase, type OpenDatabase } from '../support/open-database.ts'
import { handWrittenPlan, NO_TENANT, SMALL_SCHEMA, step } from './support/hand-written-plan.ts'

let database: OpenDatabase
let owner: Query

beforeEach(async () => {
  database = await openDatabase('check', SMALL_SCHEMA)
  owner = database.owner
})
afterEach(() => database.close())

function objects(problems: readonly Problem[]): readonly string[] {
  return problems.map(({ code, object }) => `${code} ${object}`)
}

const force = `ALTER TABLE notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`
const anything = step('anything', ['ALTER TABLE public.notes ADD COLUMN one integer'])

describe('rows under FORCE', () => {
  test.each(['offline', 'online'] as const)(
    'are seen by their owner when a plan is %s, although a plain question finds none of them',
    async (shape) => {
      const plan = await handWrittenPlan(owner, [anything], { shape, checks: [NO_TENANT] })
      await owner(force)
      expect((await owner(NO_TENANT.sql)).rows[0]).toMatchObject({ count: '0' })

      const problems = await checkPlan(owner, plan)
      expect(problems.map(({ rows }) => rows)).toEqual([{ count: 2, examples: ['3', '4'] }])
      const { rows } = await owner(
        `SELECT relforcerowsecurity AS forced FROM pg_class WHERE relname = 'notes'`,
      )
      expect(rows).toEqual([{ forced: true }])
    },
  )

  test('that the current role cannot see are a problem, not an empty answer', async () => {
    const plan = await handWrittenPlan(owner, [anything], { checks: [NO_TENANT] })
    await owner(force)
    await owner('GRANT SELECT ON notes TO tenantry_app')
    expect((await database.app(NO_TENANT.sql)).rows[0]).toMatchObject({ count: '0' })

    const problems = await checkPlan(database.app, plan)
    expect(objects(problems)).toEqual(['MISSING_PRIVILEGE public.notes', 'MISSING_PRIVILEGE public.notes'])
    expect(problems[1]?.message).toContain(
      'query would be affected by row-level security policy for table "notes"',
    )
    expect(problems[1]?.fix).toContain('BYPASSRLS')
  })

  test('never lock a table in use for longer than a step may wait', async () => {
    const plan = await handWrittenPlan(owner, [anything], { shape: 'online', checks: [NO_TENANT] })
    await owner(force)
    const other = await database.connect('superuser')
    await other.query('BEGIN')
    await other.query('SELECT * FROM notes')
    const waiting = await checkPlan(owner, plan, { lockTimeout: 30 })
    expect(objects(waiting)).toEqual(['MISSING_PRIVILEGE public.notes'])
    expect(waiting[0]?.message).toContain('within 30 ms')
    await other.query('COMMIT')
    await other.end()

    const slow = { ...NO_TENANT, sql: `${NO_TENANT.sql} AND pg_sleep(1) IS NOT NULL` }
    const reading = await checkPlan(owner, { ...plan, checks: [slow] }, { lockTimeout: 200 })
    expect(objects(reading)).toEqual(['MISSING_PRIVILEGE public.notes'])
  })

  test('are all seen without any lock by a role with BYPASSRLS', async () => {
    const plan = await handWrittenPlan(owner, [anything], { shape: 'online', checks: [NO_TENANT] })
    await owner(force)
    await owner('GRANT SELECT ON notes TO tenantry_system')
    const other = await database.connect('superuser')
    await other.query('BEGIN')
    await other.query('SELECT * FROM notes')
    const problems = await checkPlan(database.system, plan)
    expect(problems.at(-1)?.rows?.count).toBe(2)
    await other.query('COMMIT')
    await other.end()
  })
})

test('every check is answered, those after a refused one too, in the order of the plan', async () => {
  const checks = [NO_TENANT, { ...NO_TENANT, object: 'public.tenants', sql: NO_TENANT.sql }]
  const plan = await handWrittenPlan(owner, [anything], { checks })
  await owner(force)
  expect(objects(await checkPlan(owner, plan))).toEqual([
    'TENANT_MISSING public.notes',
    'TENANT_MISSING public.tenants',
  ])
})

test('nothing in the way: no problem, and the session is as it was', async () => {
  const fine = { ...NO_TENANT, sql: `SELECT 0::bigint AS count, '{}'::text[] AS examples` }
  const plan = await handWrittenPlan(owner, [anything], { checks: [fine] })
  expect(await checkPlan(owner, plan)).toEqual([])
  const { rows } = await owner(`SELECT current_setting('row_security') AS security`)
  expect(rows).toEqual([{ security: 'on' }])
})

test('works within a transaction, which it leaves as it was', async () => {
  const plan = await handWrittenPlan(owner, [anything], { checks: [NO_TENANT] })
  await owner(force)
  await owner('BEGIN')
  await owner('CREATE TABLE mine ()')
  await owner('DROP TABLE mine')
  expect(objects(await checkPlan(owner, plan))).toEqual(['TENANT_MISSING public.notes'])
  const { rows } =
    await owner(`SELECT current_setting('row_security') AS security, relforcerowsecurity AS forced
    FROM pg_class WHERE relname = 'notes'`)
  expect(rows).toEqual([{ security: 'on', forced: true }])
  await owner('COMMIT')
})

describe('privileges', () => {
  test('of every kind that the role lacks are found at once', async () => {
    const plan = await handWrittenPlan(
      owner,
      [
        step('schema', ['CREATE SCHEMA IF NOT EXISTS tenantry']),
        step('role', ['DO $$ BEGIN CREATE ROLE new_system LOGIN NOSUPERUSER BYPASSRLS; END $$']),
        step('column', ['ALTER TABLE public.notes ADD COLUMN one integer']),
        step('index', ['CREATE INDEX tenantry_body ON public.notes (body)']),
        step('grant', ['GRANT SELECT ON TABLE public.tenants TO tenantry_app']),
        step('usage', ['GRANT USAGE ON SCHEMA public TO tenantry_app']),
        step('database', [`REVOKE TEMPORARY ON DATABASE x FROM PUBLIC`]),
      ],
      {},
    )
    const problems = await checkPlan(database.app, plan)
    expect(objects(problems)).toEqual([
      'MISSING_PRIVILEGE role tenantry_app',
      'MISSING_PRIVILEGE role tenantry_app',
      expect.stringMatching(/^MISSING_PRIVILEGE database /),
      expect.stringMatching(/^MISSING_PRIVILEGE database /),
      'MISSING_PRIVILEGE schema public',
      'MISSING_PRIVILEGE public.notes',
      'MISSING_PRIVILEGE public.tenants',
    ])
    expect(problems.map(({ message }) => message).join('\n')).toContain('It has no CREATEROLE')
    expect(problems.at(-1)?.fix).toContain('GRANT tenantry_owner TO tenantry_app')
    for (const { fix } of problems) expect(fix).not.toBe('')
    expect(await checkPlan(database.superuser, plan)).toEqual([])
  })

  test('that a plan does not need are not asked for', async () => {
    const plan = await handWrittenPlan(owner, [
      step('read', ['UPDATE public.notes SET body = body']),
      // Says NOBYPASSRLS, and names a table that it does not change.
      step('comment', [`COMMENT ON ROLE tenantry_app IS 'NOBYPASSRLS public.notes'`]),
      step('function', [
        'CREATE OR REPLACE FUNCTION pg_temp.f() RETURNS bigint RETURN (SELECT count(*) FROM public.notes)',
      ]),
    ])
    expect(await checkPlan(database.app, plan)).toEqual([])
  })

  test('to own a table are had by a member of its owner', async () => {
    const member = `tenantry_member_${randomBytes(4).toString('hex')}`
    await database.superuser(
      `CREATE ROLE ${member}; GRANT tenantry_owner TO ${member}; GRANT ${member} TO postgres`,
    )
    try {
      const plan = await handWrittenPlan(owner, [anything])
      await database.superuser(`SET ROLE ${member}`)
      expect(await checkPlan(database.superuser, plan)).toEqual([])
      await database.superuser('RESET ROLE')
      await database.superuser(`REVOKE tenantry_owner FROM ${member}`)
      await database.superuser(`SET ROLE ${member}`)
      expect(objects(await checkPlan(database.superuser, plan))).toEqual(['MISSING_PRIVILEGE public.notes'])
    } finally {
      await database.superuser('RESET ROLE')
      await database.superuser(`DROP ROLE ${member}`)
    }
  })

  test('of tables with quoted names are found, and names that only begin alike are not taken for them', async () => {
    await database.superuser(
      'CREATE TABLE public."notes two" (tenant_id integer); CREATE TABLE public.notes_more (tenant_id integer)',
    )
    const plan = await handWrittenPlan(owner, [
      step('quoted', ['ALTER TABLE public."notes two" ADD COLUMN one integer']),
    ])
    expect(objects(await checkPlan(owner, plan))).toEqual(['MISSING_PRIVILEGE public.notes two'])
    const other = await handWrittenPlan(owner, [anything])
    expect(await checkPlan(owner, other)).toEqual([])
  })
})

describe('a database that changed since the plan was made', () => {
  test.each([
    ['DROP TABLE notes', 'public.notes'],
    ['ALTER TABLE notes DROP COLUMN tenant_id', 'public.notes.tenant_id'],
    ['ALTER TABLE notes ALTER COLUMN tenant_id TYPE bigint', 'public.notes.tenant_id'],
    ['CREATE TABLE later (id integer)', 'public.later'],
  ])('by %s makes the plan outdated', async (sql, object) => {
    const plan = await handWrittenPlan(owner, [step('nothing', ['SELECT 1'])], { checks: [NO_TENANT] })
    await owner(sql)
    expect(objects(await checkPlan(owner, plan))).toEqual([`PLAN_OUTDATED ${object}`])
  })

  test('in ways that the plan itself changes it does not', async () => {
    const fine = { ...NO_TENANT, sql: `SELECT 0::bigint AS count, '{}'::text[] AS examples` }
    const plan = await handWrittenPlan(owner, [anything], { checks: [fine] })
    await owner(
      'ALTER TABLE notes ADD COLUMN more integer, ADD CONSTRAINT c CHECK (true), DROP CONSTRAINT notes_pkey',
    )
    expect(await checkPlan(owner, plan)).toEqual([])
  })
})
