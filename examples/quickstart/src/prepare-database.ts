import { readFile } from 'node:fs/promises'
import { applyPlan, planTenancy, readCatalogue, type Plan, type Query } from '@tenantry/policies'
import pg from 'pg'
import { model } from './model.ts'

const schema = new URL('../schema.sql', import.meta.url)

/**
 * Makes the tables of schema.sql in an empty database, then everything that keeps companies apart in them: what the
 * model says and the database does not have yet.
 *
 * @param connectionString of the owner of the database, as whom migrations run
 * @returns the plan that was applied
 */
export async function prepareDatabase(connectionString: string): Promise<Plan> {
  const client = new pg.Client({ connectionString })
  // A connection lost between two queries is an event; the next query then fails with it.
  client.on('error', () => {})
  await client.connect()
  const query: Query = (text, values) => client.query(text, values && [...values])
  try {
    await client.query(await readFile(schema, 'utf8'))
    const plan = planTenancy(model, await readCatalogue(query, model))
    await applyPlan(query, plan)
    await allowStaging(client)
    return plan
  } finally {
    await client.end().catch(() => {})
  }
}

/** The loader keeps the rows of a file in temporary tables until all of them are known to be good. */
async function allowStaging(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>('SELECT quote_ident(current_database()) AS name')
  await client.query(`GRANT TEMPORARY ON DATABASE ${rows[0]!.name} TO tenantry_system`)
}
