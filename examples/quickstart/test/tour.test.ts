import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import type { TenantPool } from '@tenantry/core/pg'
import type { TestDatabase } from '@tenantry/testing'
import type pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadData } from '../src/load-data.ts'
import { tenancy } from '../src/tenancy.ts'
import { showAttacks } from '../src/tour/attacks.ts'
import { showNoTenant } from '../src/tour/no-tenant.ts'
import { showOnboarding } from '../src/tour/onboarding.ts'
import { createReport, type Report } from '../src/tour/report.ts'
import { showRoundTrips } from '../src/tour/round-trips.ts'
import { runTour } from '../src/tour/run-tour.ts'
import { showSystemReport } from '../src/tour/system-report.ts'
import { withTour } from '../src/tour/tour.ts'
import { showTwoTenantsAtOnce } from '../src/tour/two-tenants-at-once.ts'
import { countRows, createQuickstartDatabase } from './quickstart-database.ts'
import { task, tenant, toLines, twoCompanies, uuid } from './records.ts'

let database: TestDatabase
let printed: string[]
let report: Report

beforeEach(async () => {
  database = await createQuickstartDatabase()
  printed = []
  report = createReport((text) => printed.push(...stripVTControlCharacters(text).split('\n')))
  await loadRecords([...twoCompanies, task(1, 14, 12)])
})
afterEach(() => database.drop())

async function loadRecords(records: Record<string, unknown>[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tenantry-quickstart-'))
  const path = join(folder, 'companies.jsonl')
  await writeFile(path, toLines(records))
  await loadData({ connectionString: database.urls.system, path })
  await rm(folder, { recursive: true })
}

/** Every task, as a superuser sees it. */
const allTasks = () => database.query('SELECT * FROM tasks ORDER BY id')

describe('on the schema of the example', () => {
  it('holds, and leaves the rows of both companies as they were', async () => {
    const before = await allTasks()
    await runTour(database.urls, report)

    expect(report.totals()).toEqual({ checks: 19, wrong: 0 })
    expect(await allTasks()).toEqual(before)
    // The company that signed up is there with its admin and its project; the one that failed is not.
    expect(await countRows(database)).toEqual({ tenants: 3, users: 3, projects: 3, tasks: 3 })
    const newcomers = await database.query(
      `SELECT tenants.name AS tenant, users.email, projects.name AS project FROM tenants
       JOIN users ON users.tenant_id = tenants.id JOIN projects ON projects.tenant_id = tenants.id
       WHERE tenants.id NOT IN ($1, $2)`,
      [uuid(1), uuid(2)],
    )
    expect(newcomers).toEqual([
      { tenant: 'Faroe Kayaks', email: 'runa@faroe-kayaks.example', project: 'First steps' },
    ])
  })

  it('fits a screen of 80 columns and about 45 lines', async () => {
    await runTour(database.urls, report)
    expect(printed.length).toBeLessThanOrEqual(45)
    expect(printed.filter((line) => line.length > 80)).toEqual([])
  })

  it('prints what PostgreSQL answered', async () => {
    await withTour(database.urls, report, showAttacks)
    const output = printed.join('\n')
    expect(output).toMatch(/read one by id +0 rows\n/)
    expect(output).toMatch(/plant a task +new row violates row-level security policy for table "tasks"\n/)
    expect(output).toMatch(/link to theirs +insert or update on table "tasks" violates foreign key\n/)
  })

  it('refuses data with one company only', async () => {
    await database.query('DELETE FROM tasks WHERE tenant_id = $1', [uuid(2)])
    await expect(runTour(database.urls, report)).rejects.toThrow(
      'The tour needs two companies with a task each; the data has 1.',
    )
  })

  it('prints long names within the screen', async () => {
    await loadRecords([tenant(3), tenant(4)])
    await database.query('UPDATE tenants SET name = repeat(name, 20)')
    await runTour(database.urls, report)
    expect(report.totals().wrong).toBe(0)
    expect(printed.filter((line) => line.length > 80)).toEqual([])
  })
})

describe('finds out when something is wrong', () => {
  it.each([
    ['row level security is off', 'ALTER TABLE tasks DISABLE ROW LEVEL SECURITY'],
    [
      'the policies let everything through',
      `DROP POLICY tenantry_floor ON tasks;
       ALTER POLICY tenantry_allow ON tasks USING (true) WITH CHECK (true)`,
    ],
  ])('%s', async (_what, leak) => {
    await database.query(leak)
    await withTour(database.urls, report, showTwoTenantsAtOnce)
    expect(report.totals()).toEqual({ checks: 1, wrong: 1 })

    await withTour(database.urls, report, showAttacks)
    // Of the eight statements about the attacks only the foreign key still holds.
    expect(report.totals()).toEqual({ checks: 9, wrong: 8 })
    expect(printed.join('\n')).toMatch(/✗ read one by id +WRONG: 1 rows/)
  })

  it('the application signs in as a superuser', async () => {
    const urls = { ...database.urls, app: database.urls.superuser }
    await withTour(urls, report, showTwoTenantsAtOnce)
    await withTour(urls, report, showAttacks)
    expect(report.totals()).toEqual({ checks: 9, wrong: 8 })
  })

  it('and does not even begin on a database that pool.verify() refuses', async () => {
    await database.query('ALTER TABLE tasks DISABLE ROW LEVEL SECURITY')
    await expect(runTour(database.urls, report)).rejects.toMatchObject({ code: 'UNSAFE_DATABASE' })
    expect(printed).toEqual([])
  })

  it('a query without a company is sent', async () => {
    await withTour(database.urls, report, (tour) => tenancy.run(uuid(1), () => showNoTenant(tour)))
    expect(report.totals()).toEqual({ checks: 2, wrong: 2 })
  })

  it('a failed onboarding leaves something behind', async () => {
    await withTour(database.urls, report, async (tour) => {
      const transaction = (work: (client: pg.Pool) => Promise<unknown>) => work(tour.pool)
      await showOnboarding({ ...tour, pool: { transaction } as unknown as TenantPool })
    })
    expect(report.totals()).toEqual({ checks: 3, wrong: 1 })
  })

  it('the system role does not see everything', async () => {
    await withTour({ ...database.urls, system: database.urls.app }, report, showSystemReport)
    expect(report.totals()).toEqual({ checks: 2, wrong: 1 })
  })

  it('a query takes more than one round trip', async () => {
    await withTour(database.urls, report, async (tour) => {
      const query = (sql: string) => tour.pool.transaction((client) => client.query(sql))
      await showRoundTrips({ ...tour, pool: { query } as unknown as TenantPool })
    })
    expect(report.totals()).toEqual({ checks: 3, wrong: 1 })
  })
})
