import type { Plan } from '@tenantry/policies'
import { connectToPostgres } from '@tenantry/testing'
import pg from 'pg'
import { expect, inject, it } from 'vitest'
import { describePlan } from '../src/describe-plan.ts'
import { prepareDatabase } from '../src/prepare-database.ts'

it('says in a few lines what the plan does to each table of the example', async () => {
  const database = await connectToPostgres(inject('postgresUrl')).createDatabase()
  const client = new pg.Client({ connectionString: database.urls.superuser })
  try {
    const lines = describePlan(await prepareDatabase(database.urls.owner))
    expect(lines.length).toBeLessThanOrEqual(14)
    expect(lines.filter((line) => line.length > 80)).toEqual([])
    expect(lines.find((line) => line.startsWith('  tasks'))).toContain('add tenant_id')

    // What it says of the tasks is so: the column is in the key.
    await client.connect()
    const { rows } = await client.query<{ key: string }>(
      `SELECT pg_get_constraintdef(oid) AS key FROM pg_constraint WHERE conrelid = 'tasks'::regclass AND contype = 'p'`,
    )
    expect(rows).toEqual([{ key: 'PRIMARY KEY (tenant_id, id)' }])
  } finally {
    await client.end()
    await database.drop()
  }
})

it('breaks long lines, and counts what is alike', () => {
  const ids = ['role app: create', ...Array.from({ length: 30 }, (_, index) => `public.a: step ${index}`)]
  const steps = [...ids, 'public.b: index one', 'public.b: index two'].map((id) => ({ id }))
  const lines = describePlan({ steps } as unknown as Plan)
  expect(lines.filter((line) => line.length > 80)).toEqual([])
  expect(lines.join(' ').match(/step \d+/g)).toHaveLength(30)
  expect(lines).toContain('  b         2 × index')
})
