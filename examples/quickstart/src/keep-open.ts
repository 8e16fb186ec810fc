import { once } from 'node:events'
import type { TestDatabase } from '@tenantry/testing'
import pg from 'pg'

/** Says how to connect as the application with psql, and waits until the signal comes or the server goes away. */
export async function keepOpen(database: TestDatabase, signal: AbortSignal): Promise<void> {
  const [tenant] = await database.query<{ id: string; name: string }>(
    'SELECT id, name FROM tenants ORDER BY name LIMIT 1',
  )
  if (!tenant) return
  const application = new pg.Client({ connectionString: database.urls.app })
  application.on('error', () => {})
  await application.connect()
  try {
    const unscoped = await countProjects(application)
    await application.query("SELECT set_config('app.current_tenant_id', $1, false)", [tenant.id])
    const scoped = await countProjects(application)

    console.log(`
The server stays up until Ctrl-C. Connect as the application, which sees nothing until it says for whom:
  psql "${database.urls.app}"
  SELECT count(*) FROM projects;  -- ${unscoped}
  SELECT set_config('app.current_tenant_id', '${tenant.id}', false);  -- ${tenant.name}
  SELECT count(*) FROM projects;  -- ${scoped}`)

    await once(application, 'end', { signal })
    console.log('The server has ended.')
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    await application.end().catch(() => {})
  }
}

async function countProjects(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ count: number }>('SELECT count(*)::int AS count FROM projects')
  return rows[0]!.count
}
