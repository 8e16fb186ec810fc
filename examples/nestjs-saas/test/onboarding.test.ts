import { randomUUID } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import { tenancy } from '../src/tenancy.ts'
import { useApp } from './running-app.ts'

const app = useApp()

const tenantOf = (slug: string) => ({
  name: 'Onboarded',
  slug,
  administrator: { email: `admin@${slug}.example`, name: 'Ada', password: 'correct horse battery' },
})

/** Rows of all tables, as a superuser sees them. */
async function countRows(): Promise<unknown> {
  const [counts] = await app.database.query(`
    select (select count(*)::int from tenants) as tenants, (select count(*)::int from tenant_slugs) as slugs,
      (select count(*)::int from users) as users, (select count(*)::int from projects) as projects`)
  return counts
}

describe('a new tenant', () => {
  afterEach(async () => {
    await app.database.query('drop function if exists refuse() cascade')
  })

  test('has an administrator, a project and its subdomain, and can begin at once', async () => {
    const created = await app.call('POST', '/tenants', { body: tenantOf('begin') })
    expect(created).toMatchObject({ status: 201, body: { name: 'Onboarded', slug: 'begin' } })
    const { email, password } = tenantOf('begin').administrator
    const { body } = await app.call('POST', '/sign-in', { slug: 'begin', body: { email, password } })
    expect((await app.call('GET', '/projects', { token: body.token })).body).toMatchObject([
      { name: 'First project' },
    ])
    expect((await app.call('GET', '/users', { token: body.token })).body).toMatchObject([
      { email, role: 'admin' },
    ])
  })

  test.each([
    ['the tenant', 'tenants', ''],
    ['its slug', 'tenant_slugs', ''],
    ['the administrator', 'users', ''],
    ['the first project', 'projects', ''],
    ['the commit', 'projects', 'deferrable initially deferred'],
  ])('is all or nothing: %s fails', async (_step, table, deferred) => {
    await app.database.query(
      `create function refuse() returns trigger language plpgsql as $$ begin raise 'refused by the test'; end $$`,
    )
    await app.database.query(
      `create constraint trigger refuse after insert on ${table} ${deferred} for each row execute function refuse()`,
    )
    const before = await countRows()
    const slug = `fails-${table.replaceAll('_', '-')}${deferred.length}`
    const failed = await app.call('POST', '/tenants', { body: tenantOf(slug) })
    expect(failed).toMatchObject({ status: 500, body: { statusCode: 500, message: 'Internal server error' } })
    expect(await countRows()).toEqual(before)

    await app.database.query('drop function refuse() cascade')
    expect((await app.call('POST', '/tenants', { body: tenantOf(slug) })).status).toBe(201)
  })

  test('does not get a slug that is taken, reserved or no subdomain, and leaves nothing behind', async () => {
    await app.call('POST', '/tenants', { body: tenantOf('taken') })
    const before = await countRows()
    const statuses = await Promise.all(
      ['taken', 'www', 'admin', 'Upper', 'a.b', '-a', 'a_b', '', 'x'.repeat(64)].map(
        async (slug) => (await app.call('POST', '/tenants', { body: tenantOf(slug) })).status,
      ),
    )
    expect(statuses).toEqual([409, 400, 400, 400, 400, 400, 400, 400, 400])
    expect(await countRows()).toEqual(before)
  })

  test('has an administrator who can sign in, or is none', async () => {
    const { administrator, ...tenant } = tenantOf('nobody')
    const wrong = [undefined, null, [], [administrator], 'Ada', {}, { ...administrator, password: 'short' }]
    const answers = await Promise.all(
      wrong.map((each) => app.call('POST', '/tenants', { body: { ...tenant, administrator: each } })),
    )
    expect(answers.map(({ status }) => status)).toEqual(wrong.map(() => 400))
  })

  test('twice at the same time: one of them gets the slug', async () => {
    const answers = await Promise.all(
      [1, 2, 3, 4].map(() => app.call('POST', '/tenants', { body: tenantOf('race') })),
    )
    expect(answers.map(({ status }) => String(status)).toSorted()).toEqual(['201', '409', '409', '409'])
    expect(
      await app.database.query(`select count(*)::int from users where email = 'admin@race.example'`),
    ).toEqual([{ count: 1 }])
  })
})

describe('to the application’s own role', () => {
  test('a slug cannot be pointed at another tenant, changed, deleted or listed', async () => {
    const [acme, globex] = [await app.signUp('Acme'), await app.signUp('Globex')]
    const { dataSource } = app
    const as = (tenantId: string, sql: string, values: unknown[]) =>
      tenancy.run(tenantId, () => dataSource.query(sql, values))
    const denied = { driverError: { code: '42501' } }
    const hijack = 'insert into tenant_slugs (slug, tenant_id) values ($1, $2)'
    await expect(as(acme.id, hijack, ['free', globex.id])).rejects.toMatchObject(denied)
    await expect(as(acme.id, 'update tenant_slugs set slug = $1', ['other'])).rejects.toMatchObject(denied)
    await expect(as(acme.id, 'update tenant_slugs set tenant_id = $1', [globex.id])).rejects.toMatchObject(
      denied,
    )
    await expect(
      as(acme.id, 'delete from tenant_slugs where slug = $1', [globex.slug]),
    ).rejects.toMatchObject(denied)
    const taken = await as(acme.id, hijack, [globex.slug, acme.id]).catch((error: unknown) => error)
    expect(taken).toMatchObject({ driverError: { code: '23505' } })

    const listed = 'select slug from tenant_slugs'
    expect(await tenancy.withoutTenant(() => dataSource.query(listed))).toEqual([])
    expect(await tenancy.withoutTenant({ slug: globex.slug }, () => dataSource.query(listed))).toEqual([
      { slug: globex.slug },
    ])
    expect(await as(acme.id, listed, [])).toEqual([{ slug: acme.slug }])
  })

  test('a tenant is made as itself only, and has no second slug', async () => {
    const acme = await app.signUp('Acme')
    const { dataSource } = app
    const insert = () =>
      dataSource.query('insert into tenants (id, name) values ($1, $2)', [randomUUID(), 'Forged'])
    await expect(tenancy.run(acme.id, insert)).rejects.toMatchObject({ driverError: { code: '42501' } })
    await expect(tenancy.withoutTenant(insert)).rejects.toMatchObject({ driverError: { code: '42501' } })
    const second = tenancy.run(acme.id, () =>
      dataSource.query(`insert into tenant_slugs (slug) values ('second')`),
    )
    await expect(second).rejects.toMatchObject({ driverError: { code: '23505' } })
  })
})
