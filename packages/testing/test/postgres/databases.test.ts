import pg from 'pg'
import { afterAll, describe, expect, inject, it } from 'vitest'
import { queryAs } from '../../src/postgres/query-as.ts'
import { startPostgres } from '../../src/postgres/start-postgres.ts'
import { connectToPostgres } from '../../src/postgres/test-postgres.ts'
import type { TestDatabase } from '../../src/postgres/test-database.ts'
import { refusal } from './refusal.ts'
import { runProgram } from './run-program.ts'

const server = connectToPostgres(inject('postgresUrl'))
const made: TestDatabase[] = []

const createDatabase: typeof server.createDatabase = async (options) => {
  const database = await server.createDatabase(options)
  made.push(database)
  return database
}

afterAll(async () => {
  for (const database of made) await database.drop()
})

async function databaseNames(pattern: string): Promise<unknown[]> {
  const rows = await queryAs(
    server.url,
    'select datname from pg_database where datname ~ $1 order by datname',
    [pattern],
  )
  return rows.map((row) => row['datname'])
}

describe('a database', () => {
  it('gives each role its own connection', async () => {
    const { urls, name } = await createDatabase()
    const who = 'select current_user as role, current_database() as database'
    await expect(queryAs(urls.owner, who)).resolves.toEqual([{ role: 'tenantry_owner', database: name }])
    await expect(queryAs(urls.app, who)).resolves.toEqual([{ role: 'tenantry_app', database: name }])
    await expect(queryAs(urls.system, who)).resolves.toEqual([{ role: 'tenantry_system', database: name }])
    const bypass = 'select rolsuper or rolbypassrls as bypasses from pg_roles where rolname = current_user'
    await expect(queryAs(urls.superuser, bypass)).resolves.toEqual([{ bypasses: true }])
  })

  it('belongs to the owner, with everything that the setup made', async () => {
    const database = await createDatabase({ setup: 'create schema extra; create table extra.notes (id int)' })
    const owners = `
      select nspowner::regrole::text as owner from pg_namespace where nspname in ('public', 'extra')
      union all select relowner::regrole::text from pg_class where oid = 'extra.notes'::regclass
      union all select datdba::regrole::text from pg_database where datname = current_database()`
    const rows = await database.query(owners)
    expect(rows.map(({ owner }) => owner)).toEqual(Array(4).fill('tenantry_owner'))
  })

  it('lets nobody but the owner create anything, and strangers not even in', async () => {
    const { urls } = await createDatabase()
    for (const url of [urls.app, urls.system]) {
      await expect(queryAs(url, 'create table public.mine (id int)')).rejects.toThrow(
        'permission denied for schema public',
      )
      await expect(queryAs(url, 'create schema mine')).rejects.toThrow('permission denied for database')
      await expect(queryAs(url, 'create temporary table mine (id int)')).rejects.toThrow(
        'permission denied to create temporary tables',
      )
    }
    await expect(queryAs(urls.owner, 'create table public.mine (id int)')).resolves.toEqual([])
    await expect(queryAs(urls.app, 'select * from mine')).rejects.toThrow('permission denied for table mine')
    const access = `select has_database_privilege('public', current_database(), privilege) as may
                    from unnest(array['connect', 'create', 'temporary']) as privilege`
    await expect(queryAs(urls.superuser, access)).resolves.toEqual([
      { may: false },
      { may: false },
      { may: false },
    ])
  })

  it('hides rows from the application that the superuser sees', async () => {
    const database = await createDatabase({
      setup: `create table open (id int); create table closed (id int);
              alter table closed enable row level security; alter table closed force row level security;
              grant select on open, closed to tenantry_app, tenantry_system`,
    })
    await database.query('insert into open values (1); insert into closed values (1)')
    // The naive table shows everything to everybody, so an empty answer from the other one means something.
    await expect(queryAs(database.urls.app, 'select * from open')).resolves.toHaveLength(1)
    await expect(queryAs(database.urls.app, 'select * from closed')).resolves.toHaveLength(0)
    await expect(queryAs(database.urls.owner, 'select * from closed')).resolves.toHaveLength(0)
    await expect(queryAs(database.urls.system, 'select * from closed')).resolves.toHaveLength(1)
    await expect(database.query('select * from closed')).resolves.toHaveLength(1)
  })

  it('is dropped even while somebody is connected', async () => {
    const database = await createDatabase()
    const client = new pg.Client({ connectionString: database.urls.app })
    const disconnected = new Promise<Error>((resolve) => client.on('error', resolve))
    await client.connect()
    await database.drop()
    expect(await databaseNames(database.name)).toEqual([])
    expect((await disconnected).message).toContain('terminat')
    await expect(database.drop(), 'a second time').resolves.toBeUndefined()
  })

  it('carries its label in its name', async () => {
    const database = await createDatabase({ name: 'orders-test' })
    expect(database.name).toMatch(/^tenantry_test_[0-9a-f]{8}_orders-test_[0-9a-f]{8}$/)
    await expect(queryAs(database.urls.app, 'select 1 as one')).resolves.toEqual([{ one: 1 }])
  })

  it.for(['', 'Orders', 'a b', 'a"; drop database postgres; --', 'x'.repeat(31)])(
    'refuses the label %j',
    async (name) => {
      await expect(createDatabase({ name })).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
      await expect(createDatabase({ template: name, setup: '' })).rejects.toMatchObject({
        code: 'INVALID_CONFIG',
      })
    },
  )

  it('is not left behind by a setup that fails, whose error comes through', async () => {
    const before = await databaseNames('_fails')
    await expect(createDatabase({ name: 'fails', setup: 'create table; select 1' })).rejects.toMatchObject({
      code: '42601',
    })
    const thrown = new Error('the migrations are wrong')
    const setup = async () => Promise.reject(thrown)
    await expect(createDatabase({ name: 'fails', setup })).rejects.toBe(thrown)
    expect(await databaseNames('_fails')).toEqual(before)
  })
})

describe('a template', () => {
  it('is made once, whoever asks for it, in however many processes at a time', async () => {
    const notes = await createDatabase({ setup: 'create table template_makers (pid int)' })
    const values = [server.url, notes.urls.superuser]
    const here = Array.from({ length: 4 }, () =>
      createDatabase({
        template: 'shared',
        setup: async (query) => {
          await notes.query('insert into template_makers values ($1)', [process.pid])
          await query('create table notes as select 1 as id')
        },
      }),
    )
    const elsewhere = Array.from({ length: 3 }, () => runProgram('create-database', { values }))
    for (const database of await Promise.all(here)) {
      await expect(database.query('select id from notes')).resolves.toEqual([{ id: 1 }])
    }
    for (const { firstLine } of elsewhere) expect(await firstLine).toEqual({ rows: [{ id: 1 }] })
    await expect(notes.query('select count(*)::int from template_makers')).resolves.toEqual([{ count: 1 }])
  })

  it('is copied, not shared', async () => {
    const options = { template: 'copied', setup: 'create table notes (id int)' }
    const one = await createDatabase(options)
    const other = await createDatabase({ template: 'copied' })
    await one.query('insert into notes values (1)')
    await expect(other.query('select * from notes')).resolves.toEqual([])
    await expect(queryAs(other.urls.app, 'create temporary table mine (id int)')).rejects.toThrow(
      'permission denied',
    )
  })

  it('that nobody made is reported', async () => {
    const error = await refusal(createDatabase({ template: 'unheard-of' }))
    expect(error.code).toBe('INVALID_CONFIG')
    expect(error.message).toContain('"unheard-of"')
  })

  it('whose making failed is made again by the next one', async () => {
    await expect(createDatabase({ template: 'retried', setup: 'select 1/0' })).rejects.toThrow(
      'division by zero',
    )
    const database = await createDatabase({ template: 'retried', setup: 'create table notes (id int)' })
    await expect(database.query('select * from notes')).resolves.toEqual([])
  })

  it('whose maker died half way is made again by the next one', async () => {
    const { urls } = await createDatabase({ template: 'half', setup: 'create table notes (id int)' })
    const [half] = await databaseNames('_template_half$')
    // What a maker leaves that dies before it is done: the database, not yet marked as a template.
    await queryAs(
      server.url,
      `alter database "${String(half)}" with is_template false allow_connections true`,
    )
    await queryAs(
      urls.superuser.replace(new URL(urls.superuser).pathname, `/${String(half)}`),
      'drop table notes',
    )
    await expect(createDatabase({ template: 'half' })).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
    const database = await createDatabase({ template: 'half', setup: 'create table notes (id int)' })
    await expect(database.query('select * from notes')).resolves.toEqual([])
  })
})

describe('a run on a server that was there before', () => {
  it('drops its databases at the end, whichever process made them, and nobody else’s', async () => {
    const mine = await startPostgres({ url: server.url })
    const others = await startPostgres({ url: server.url })
    await mine.createDatabase({ template: 'notes', setup: 'create table notes (id int)' })
    await connectToPostgres(mine.url).createDatabase()
    const kept = await others.createDatabase({ template: 'notes', setup: 'create table other (id int)' })

    const runOf = (run: typeof mine) => `^${new URL(run.url).searchParams.get('application_name')}_`
    expect(await databaseNames(runOf(mine))).toHaveLength(3)
    await connectToPostgres(mine.url).stop()
    expect(await databaseNames(runOf(mine))).toHaveLength(3)
    await mine.stop()
    expect(await databaseNames(runOf(mine))).toHaveLength(0)
    await expect(kept.query('select * from other')).resolves.toEqual([])
    await others.stop()
    expect(await databaseNames(runOf(others))).toHaveLength(0)
  })

  it('is joined only with the url that startPostgres() gave', () => {
    const url = new URL(server.url)
    url.searchParams.delete('application_name')
    expect(() => connectToPostgres(url.href)).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }))
  })
})

describe('queryAs', () => {
  it('binds values and gives the last rows of several statements', async () => {
    await expect(queryAs(server.url, 'select $1::int + 1 as two', [1])).resolves.toEqual([{ two: 2 }])
    await expect(queryAs(server.url, 'select 1 as one; select 2 as two')).resolves.toEqual([{ two: 2 }])
  })

  it('disconnects, also after an error', async () => {
    const marked = new URL(server.url)
    marked.searchParams.set('application_name', 'query_as_test')
    await expect(queryAs(marked.href, 'select 1/0')).rejects.toThrow('division by zero')
    await queryAs(marked.href, 'select 1')
    const left = `select from pg_stat_activity where application_name = 'query_as_test'`
    await expect.poll(() => queryAs(server.url, left)).toEqual([])
  })
})
