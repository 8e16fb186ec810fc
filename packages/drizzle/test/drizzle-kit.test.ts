import { readFileSync, writeFileSync } from 'node:fs'
import { createTenancy } from '@tenantry/core'
import { TenantPool, UnsafeDatabaseError } from '@tenantry/core/pg'
import { connectToPostgres, queryAs, type TestDatabase } from '@tenantry/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { drizzle } from '../src/index.ts'
import { isDrizzle1 } from './drizzle-release.ts'
import { KitProject } from './kit-project.ts'
import { projects, tasks, tenants } from './kit-project/schema.ts'

const acme = '0a7c1e52-6f3b-4d18-9c40-2b8e5f1d7a01'
const globex = '7d2f9b36-1c84-4e5a-8b17-93a0c6e4f502'

/** What the plan's first step makes. */
const tenantFunction = `
  create schema tenantry;
  grant usage on schema tenantry to public;
  create function tenantry.tenant_id() returns uuid language sql stable parallel safe
    return nullif(current_setting('app.current_tenant_id', true), '')::uuid;`

const forced = ['tenants', 'projects', 'tasks'].map(
  (table) => `ALTER TABLE "${table}" FORCE ROW LEVEL SECURITY;`,
)
const granted = 'GRANT SELECT, INSERT, UPDATE, DELETE ON tenants, projects, tasks TO tenantry_app;'

const tenancy = createTenancy({ tenantId: 'uuid' })

interface State {
  readonly schemas: string[]
  readonly tables: { name: string; enabled: boolean; forced: boolean; key: string; policies: string[] }[]
}

let database: TestDatabase
let project: KitProject
let pool: TenantPool

beforeAll(async () => {
  database = await connectToPostgres(inject('postgresUrl')).createDatabase({
    name: 'drizzle-kit',
    setup: tenantFunction,
  })
  project = new KitProject(database.urls.owner)
  pool = new TenantPool({ tenancy, connectionString: database.urls.app })
})

afterAll(async () => {
  await pool?.end()
  project?.remove()
  await database?.drop()
})

/** What a superuser sees of it all. */
async function state(): Promise<State> {
  const schemas = await database.query<{ name: string }>(
    `select nspname as name from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema' order by 1`,
  )
  const tables = await database.query<State['tables'][number]>(
    `select relname as name, relrowsecurity as enabled, relforcerowsecurity as forced,
       (select pg_get_constraintdef(oid) from pg_constraint where conrelid = pg_class.oid and contype = 'p') as key,
       array(
         select format('%s %s %s to %s using %s check %s', polname, polpermissive, polcmd,
           case when polroles = '{0}' then 'public' else polroles::regrole[]::text end,
           pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
         from pg_policy where polrelid = pg_class.oid order by 1
       ) as policies
     from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by 1`,
  )
  return { schemas: schemas.map(({ name }) => name), tables }
}

/** As a plan of @tenantry/policies recognises its own: to the letter that PostgreSQL gives back. */
function policies(column: string): string[] {
  const own = `(${column} = ( SELECT (NULLIF(current_setting('app.current_tenant_id'::text, true), ''::text))::uuid AS "nullif"))`
  return [
    `tenantry_allow t * to {tenantry_app} using ${own} check ${own}`,
    `tenantry_floor f * to public using ${own} check ${own}`,
  ]
}

// A run of drizzle-kit takes seconds.
describe('drizzle-kit', { timeout: 120_000 }, () => {
  test('generate writes the policies, and nothing the second time', async () => {
    expect(await project.run('generate', '--name', 'init')).toMatchObject({ failed: false })
    const [file, ...others] = project.migrations()
    expect(others).toEqual([])
    const text = readFileSync(file!, 'utf8')
    expect(text.match(/ENABLE ROW LEVEL SECURITY/g)).toHaveLength(3)
    expect(
      text.match(/CREATE POLICY "tenantry_allow" .* AS PERMISSIVE FOR ALL TO "tenantry_app"/g),
    ).toHaveLength(3)
    expect(text.match(/CREATE POLICY "tenantry_floor" .* AS RESTRICTIVE FOR ALL TO public/g)).toHaveLength(3)

    const { output } = await project.run('generate', '--name', 'again')
    expect(output).toContain('No schema changes')
    expect(project.migrations()).toEqual([file])
  })

  test('migrate makes the policies that a plan would make', async () => {
    expect(await project.run('migrate')).toMatchObject({ failed: false })
    const { tables } = await state()
    expect(tables.map(({ name, enabled, policies: made }) => ({ name, enabled, policies: made }))).toEqual([
      { name: 'projects', enabled: true, policies: policies('tenant_id') },
      { name: 'tasks', enabled: true, policies: policies('tenant_id') },
      { name: 'tenants', enabled: true, policies: policies('id') },
    ])
  })

  test('verify() finds what drizzle-kit does not know, and a custom migration mends it', async () => {
    const findings = await pool.verify().then(
      () => [],
      (error: unknown) => (error instanceof UnsafeDatabaseError ? error.findings : [error]),
    )
    expect(findings).toMatchObject([
      { code: 'rls-not-forced', object: 'public.projects' },
      { code: 'rls-not-forced', object: 'public.tasks' },
      { code: 'rls-not-forced', object: 'public.tenants' },
    ])

    await project.run('generate', '--custom', '--name', 'force')
    const custom = project.migrations().at(-1)!
    writeFileSync(custom, [...forced, granted].join('\n--> statement-breakpoint\n'))
    expect(await project.run('migrate')).toMatchObject({ failed: false })
    await pool.verify()
    expect(await project.run('generate', '--name', 'after')).toMatchObject({
      output: expect.stringContaining('No schema changes') as string,
    })
  })

  test('what it made keeps tenants apart', async () => {
    const db = drizzle({ client: pool })
    for (const tenant of [acme, globex]) {
      await tenancy.run(tenant, async () => {
        await db.insert(tenants).values({ id: tenant, name: tenant })
        await db.insert(projects).values({ name: `project of ${tenant}` })
      })
    }
    const [[own], [other]] = await Promise.all([
      tenancy.run(acme, () => db.select().from(projects)),
      tenancy.run(globex, () => db.select().from(projects)),
    ])
    expect([own?.tenantId, other?.tenantId]).toEqual([acme, globex])
    // The foreign key carries the tenant: a task of one cannot hang on the other's project.
    await expect(
      tenancy.run(acme, () => db.insert(tasks).values({ projectId: other!.id, title: 'planted' })),
    ).rejects.toMatchObject({ cause: { code: '23503' } })
  })

  test('push changes nothing of what is there', async () => {
    const before = await state()
    const { output } = await project.run('push', '--force')
    // 0.31 reads the columns of a key in whatever order they come: it may want to make keys anew, and then fails for the
    // foreign keys that rest on them.
    const nothingToDo = isDrizzle1 ? /No changes detected/ : /No changes detected|cannot drop constraint/
    expect(output).toMatch(nothingToDo)
    expect(await state()).toEqual(before)
    await pool.verify()
  })

  test.runIf(isDrizzle1)('without schemaFilter, push of 1.0 wants the schema of Tenantry gone', async () => {
    const before = await state()
    const { output } = await project.runUnfiltered('push', '--verbose', '--explain')
    expect(output).toMatch(/DROP SCHEMA "tenantry"/)
    expect(await state()).toEqual(before)
  })

  test('push fills an empty database', async () => {
    const empty = await connectToPostgres(inject('postgresUrl')).createDatabase({
      name: 'drizzle-push',
      setup: tenantFunction,
    })
    const pushing = new KitProject(empty.urls.owner)
    try {
      expect(await pushing.run('push', '--force')).toMatchObject({ failed: false })
      const made = await queryAs<{ name: string; count: number }>(
        empty.urls.superuser,
        `select tablename as name, count(*)::int from pg_policies group by 1 order by 1`,
      )
      expect(made).toEqual([
        { name: 'projects', count: 2 },
        { name: 'tasks', count: 2 },
        { name: 'tenants', count: 2 },
      ])
      const [tenantry] = await queryAs(
        empty.urls.superuser,
        `select to_regproc('tenantry.tenant_id')::text as name`,
      )
      expect(tenantry).toEqual({ name: 'tenantry.tenant_id' })
    } finally {
      pushing.remove()
      await empty.drop()
    }
  })
})
