import { applyPlan, defineTenancy, planTenancy, readCatalogue } from '@tenantry/policies'
import type { TestDatabase } from '@tenantry/testing'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CliProject } from './cli-project.ts'
import { createDatabase } from './test-database.ts'

let database: TestDatabase
let project: CliProject
beforeAll(async () => {
  database = await createDatabase()
  project = new CliProject(database.urls)
})
afterAll(async () => {
  project?.remove()
  await database?.drop()
})

test('runs migrations, makes tables, and finds no difference once a plan has isolated them', async () => {
  const migrated = await project.run('owner', 'migration:run')
  expect(migrated).toMatchObject({ failed: false, output: expect.stringContaining('TenantFunction') })
  expect(await project.run('owner', 'schema:sync')).toMatchObject({ failed: false })

  const owner = new pg.Client({ connectionString: database.urls.owner })
  await owner.connect()
  const query = (text: string, values?: readonly unknown[]) => owner.query(text, values && [...values])
  const model = defineTenancy({
    tenantTable: 'tenants',
    tables: { project_tags: { kind: 'child', through: 'projectsId' } },
  })
  await applyPlan(query, planTenancy(model, await readCatalogue(query, model)))
  await owner.end()

  const plain = await project.run('plain-owner', 'migration:generate', 'next', '--dryrun')
  expect(plain.output).toMatch(/"project_tags" DROP COLUMN "tenant_id"/)

  const checked = await project.run('owner', 'migration:generate', 'next', '--check')
  expect(checked.output).toMatch(/No changes in database schema were found/)
  expect(checked.failed).toBe(false)
})

test('with the application’s data source it changes no table, and says what to use', async () => {
  const runs = await Promise.all(
    [['schema:sync'], ['schema:log'], ['migration:run']].map((command) =>
      project.run('application', ...command),
    ),
  )
  for (const { output, failed } of runs) {
    expect(failed).toBe(true)
    expect(output).toMatch(/MigrationDataSource/)
  }
})
