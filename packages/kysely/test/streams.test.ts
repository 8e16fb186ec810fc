import { afterEach, beforeEach, expect, test } from 'vitest'
import { sql } from 'kysely'
import { codeOf, openTwoTenants, tenancy, type TwoTenants } from './two-tenants.ts'

let tenants: TwoTenants
beforeEach(async () => {
  tenants = await openTwoTenants()
  const { acme, globex, database } = tenants
  for (const { id, name } of [acme, globex]) {
    await database.query(
      `insert into projects (tenant_id, name) select $1, $2 || ' ' || number from generate_series(1, 250) as number`,
      [id, name],
    )
  }
})
afterEach(() => tenants.close())

test('stream() gives a tenant all its rows and no others, read in turns with another', async () => {
  const { both, db, acme, globex, projectsOf } = tenants
  // Made in the scope, read after it.
  const streams = await both(async () => ({
    rows: tenancy.bind(() => db.selectFrom('projects').select('name').stream(10))(),
  }))
  const found: string[][] = [[], []]
  const readers = streams.map(({ rows }) => rows[Symbol.asyncIterator]())
  const ended = new Set<number>()
  while (ended.size < readers.length) {
    for (const [index, reader] of readers.entries()) {
      if (ended.has(index)) continue
      const inScope = index === 0 ? acme : globex
      const { done, value } = await tenancy.run(inScope.id, () => reader.next())
      if (done === true) ended.add(index)
      else found[index]?.push(value.name)
    }
  }
  expect(found.map((names) => names.toSorted())).toEqual([
    (await projectsOf(acme)).toSorted(),
    (await projectsOf(globex)).toSorted(),
  ])
})

test('run() starts a stream that is returned in its scope, wherever it is read', async () => {
  const { db, acme, globex, projectsOf } = tenants
  const stream = tenancy.run(acme.id, () => db.selectFrom('projects').select('name').stream(50))
  const names: string[] = []
  await tenancy.run(globex.id, async () => {
    for await (const { name } of stream) names.push(name)
  })
  expect(names.toSorted()).toEqual((await projectsOf(acme)).toSorted())
})

test('a stream that starts without a scope is refused', async () => {
  const { db } = tenants
  const reading = async () => {
    for await (const row of db.selectFrom('projects').selectAll().stream())
      throw new Error(`a row: ${row.name}`)
  }
  expect(await codeOf(reading)).toBe('TENANT_REQUIRED')
})

test('a stream that is broken off leaves a connection for the next tenant', async () => {
  const { both, db, pool, acme, globex, projectsOf } = tenants
  for (let round = 0; round < 5; round += 1) {
    await both(async ({ name }) => {
      for await (const row of db.selectFrom('projects').select('name').stream(3)) {
        expect(row.name.startsWith(name)).toBe(true)
        break
      }
    })
  }
  const seen = await both(() => db.selectFrom('projects').select('name').execute())
  expect(seen.map((rows) => rows.map(({ name }) => name).toSorted())).toEqual([
    (await projectsOf(acme)).toSorted(),
    (await projectsOf(globex)).toSorted(),
  ])
  expect(pool.idleCount).toBe(pool.totalCount)
})

test('streams of a transaction, of raw sql and of a RETURNING are the tenant’s', async () => {
  const { both, db, acme, globex, database } = tenants
  const counts = await both(({ name }) =>
    db.transaction().execute(async (transaction) => {
      let updated = 0
      const stream = transaction.updateTable('projects').set({ status: name }).returning('name').stream(40)
      for await (const row of stream) updated += row.name.startsWith(name) ? 1 : 1000
      return updated
    }),
  )
  expect(counts).toEqual([252, 252])
  const raw = await both(async () => {
    let rows = 0
    const query = sql<{ status: string }>`select distinct status from projects`.compile(db)
    for await (const batch of db.getExecutor().stream(query, 5)) rows += batch.rows.length
    return rows
  })
  expect(raw).toEqual([1, 1])
  expect(
    await database.query(
      'select count(*)::int from projects join tenants on tenants.id = tenant_id where status = tenants.name and tenant_id in ($1, $2)',
      [acme.id, globex.id],
    ),
  ).toEqual([{ count: 504 }])
})
