import DataLoader from 'dataloader'
import { describe, expect, test, vi } from 'vitest'
import { tenantLoader } from '../src/index.ts'
import { current, tenancy, useTenants } from './support/tenants.ts'

const fixture = useTenants()

/** Names of projects by their ids; an error for those that are not there. */
async function findProjects(ids: readonly string[]): Promise<(string | Error)[]> {
  const { rows } = await fixture.pool.query('select id, name from projects where id = any($1)', [ids])
  return ids.map((id) => rows.find((row) => row.id === id)?.name ?? new Error(`no project for ${current()}`))
}

const newLoader = () => new DataLoader<string, string>(findProjects)

describe('one DataLoader for all', () => {
  test("loads another tenant's keys as the tenant who asked first", async () => {
    const { acme, globex } = fixture
    const loader = newLoader()
    const [own, others] = await Promise.allSettled([
      tenancy.run(acme.id, () => loader.load(acme.projectIds[0])),
      tenancy.run(globex.id, () => loader.load(globex.projectIds[0])),
    ])
    expect(own).toMatchObject({ value: 'acme website' })
    expect(others).toMatchObject({ reason: { message: `no project for ${acme.id}` } })
  })

  test("answers a tenant with another one's row from its memory", async () => {
    const { acme, globex } = fixture
    const loader = newLoader()
    await tenancy.run(acme.id, () => loader.load(acme.projectIds[0]))
    expect(await tenancy.run(globex.id, () => loader.load(acme.projectIds[0]))).toBe('acme website')
  })
})

describe('tenantLoader', () => {
  test('loads the keys of fifty tenants in one tick, each as its own, and in one batch for each', async () => {
    const batches = vi.fn<typeof findProjects>(findProjects)
    const loader = tenantLoader(tenancy, () => new DataLoader<string, string>(batches))
    const names = await Promise.all(
      fixture.all.map(({ id, projectIds }) =>
        tenancy.run(id, () => Promise.all(projectIds.map((projectId) => loader.load(projectId)))),
      ),
    )
    expect(names).toEqual(fixture.all.map(({ name }) => [`${name} website`, `${name} app`]))
    expect(batches).toHaveBeenCalledTimes(fixture.all.length)
  })

  test("never answers from another scope's memory, and answers from its own", async () => {
    const { acme, globex } = fixture
    const batches = vi.fn<typeof findProjects>(findProjects)
    const loader = tenantLoader(tenancy, () => new DataLoader<string, string>(batches))
    await tenancy.run(acme.id, async () => {
      await loader.load(acme.projectIds[0])
      expect(await loader.load(acme.projectIds[0])).toBe('acme website')
      expect(batches).toHaveBeenCalledOnce()
      await expect(tenancy.run(globex.id, () => loader.load(acme.projectIds[0]))).rejects.toThrow(
        `no project for ${globex.id}`,
      )
    })
    await expect(tenancy.withoutTenant(() => loader.load(acme.projectIds[0]))).rejects.toThrow(
      'no project for none',
    )
  })

  test('has the methods of a DataLoader, which act on the loader of the scope they are called in', async () => {
    const { acme, globex } = fixture
    const loader = tenantLoader(tenancy, newLoader)
    const [id] = acme.projectIds
    const load = tenancy.run(acme.id, () => loader.load)
    await tenancy.run(globex.id, async () => {
      loader.prime(id, 'primed')
      expect(await load(id)).toBe('primed')
      loader.clear(id)
      await expect(load(id)).rejects.toThrow('no project')
      expect(loader.name).toBeNull()
    })
    expect(await tenancy.run(acme.id, () => loader.loadMany([id]))).toEqual(['acme website'])
  })

  test('refuses to load anything without a scope', async () => {
    const loader = tenantLoader(tenancy, newLoader)
    expect(() => loader.load('1')).toThrow(expect.objectContaining({ code: 'TENANT_REQUIRED' }))
    expect(await Promise.resolve(loader)).toBe(loader)
  })
})
