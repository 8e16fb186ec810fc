import { expect, test } from 'vitest'
import { useApp } from './running-app.ts'

const app = useApp(5)

test('connections killed under load: requests fail or are right, never another tenant’s, and then all is well', async () => {
  const tenants = await Promise.all(Array.from({ length: 10 }, (_, index) => app.signUp(`Firm${index}`)))
  const stop = new AbortController()
  const seen = { right: 0, failed: 0 }
  const wrong: string[] = []

  const load = tenants.map(async ({ name, token }) => {
    for (let turn = 0; !stop.signal.aborted; turn += 1) {
      const answers = await Promise.all([
        app.call('POST', '/projects', { token, body: { name: `${name}: ${turn}` } }),
        app.call('GET', '/projects?take=100', { token }),
        app.call('GET', '/users', { token }),
      ])
      for (const { status, text } of answers) {
        const others = tenants.filter((other) => other.name !== name && text.includes(`${other.name}:`))
        const foreign = tenants.filter(
          (other) => other.name !== name && text.includes(`Admin of ${other.name}"`),
        )
        if (others.length + foreign.length > 0 || ![200, 201, 500].includes(status))
          wrong.push(`${status} ${text}`)
        if (status === 500) seen.failed += 1
        else seen.right += 1
      }
    }
  })
  const kill = () =>
    app.database.query<{ killed: number }>(
      `select count(pg_terminate_backend(pid))::int as killed from pg_stat_activity
       where datname = current_database() and usename = 'tenantry_app'`,
    )
  let killed = 0
  // Until enough has been hit while it worked; each round waits for answers of the connections that took their place.
  for (let round = 0; round < 8 || seen.failed === 0; round += 1) {
    const before = seen.right
    await expect.poll(() => seen.right, { timeout: 20_000 }).toBeGreaterThan(before + 30)
    const [row] = await kill()
    killed += row?.killed ?? 0
  }
  stop.abort()
  await Promise.all(load)

  expect(wrong).toEqual([])
  expect(killed).toBeGreaterThan(7)
  const afterwards = await Promise.all(
    tenants.map(({ token }) => app.call('GET', '/projects?take=100', { token })),
  )
  expect(afterwards.map(({ status }) => status)).toEqual(tenants.map(() => 200))
  // Whose the rows are, as a superuser sees it.
  expect(
    await app.database.query(
      `select projects.name, tenants.name as tenant from projects join tenants on tenants.id = tenant_id
       where projects.name not like tenants.name || ': %' and projects.name <> 'First project'`,
    ),
  ).toEqual([])
})
