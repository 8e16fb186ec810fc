import { createTenancy } from '@tenantry/core'
import pg from 'pg'
import type { Dataset } from '../dataset.ts'
import { endPool } from './end-pool.ts'
import { openPlainPool, openTenantPool } from './open-pool.ts'
import type { Session, SessionSettings, TaskRow, Way } from './way.ts'

/** The statement as an application writes it when it separates tenants by hand. */
function handWritten({ table }: Dataset): string {
  return `select id, title, done from ${table} where tenant_id = $1 and project_id = $2 order by id limit 10`
}

/** The statement as an application writes it when the database separates tenants. */
function scoped({ table }: Dataset): string {
  return `select id, title, done from ${table} where project_id = $1 order by id limit 10`
}

const setTenant = `select set_config('app.current_tenant_id', $1, true)`

/** What the others are compared with: no row-level security, the tenant in every statement. */
export const baseline: Way = {
  name: 'baseline',
  title: 'pg, hand-written WHERE tenant_id = $1',
  open(settings) {
    const pool = openPlainPool(settings)
    const text = handWritten(settings.dataset)
    return {
      query: async (task) => (await pool.query<TaskRow>(text, [task.tenantId, task.projectId])).rows,
      close: () => endPool(pool),
    }
  },
}

const named: Way = {
  name: 'named',
  title: 'pg, hand-written, named statement',
  open(settings) {
    const pool = openPlainPool(settings)
    const statement = { name: 'tasks', text: handWritten(settings.dataset) }
    return {
      query: async (task) =>
        (await pool.query<TaskRow>({ ...statement, values: [task.tenantId, task.projectId] })).rows,
      close: () => endPool(pool),
    }
  },
}

const tenantry: Way = {
  name: 'tenantry',
  title: 'Tenantry',
  open: (settings) => openTenantry(settings, false),
}

const tenantryPrepare: Way = {
  name: 'tenantry-prepare',
  title: 'Tenantry, prepare: true',
  open: (settings) => openTenantry(settings, true),
}

function openTenantry(settings: SessionSettings, prepare: boolean): Session {
  const tenancy = createTenancy({ tenantId: 'uuid' })
  const pool = openTenantPool({ ...settings, tenancy, prepare })
  const text = scoped(settings.dataset)
  return {
    query: (task) =>
      tenancy.run(task.tenantId, async () => (await pool.query<TaskRow>(text, [task.projectId])).rows),
    close: () => endPool(pool),
  }
}

const transaction: Way = {
  name: 'transaction',
  title: 'BEGIN, set_config, query, COMMIT',
  open({ connectionStrings, dataset, connections }) {
    const pool = new pg.Pool({ connectionString: connectionStrings.app, max: connections })
    const text = scoped(dataset)
    return {
      async query(task) {
        const client = await pool.connect()
        try {
          await client.query('begin')
          await client.query(setTenant, [task.tenantId])
          const { rows } = await client.query<TaskRow>(text, [task.projectId])
          await client.query('commit')
          return rows
        } finally {
          client.release()
        }
      },
      close: () => endPool(pool),
    }
  },
}

const pipeline: Way = {
  name: 'pipeline',
  title: 'the same four, pg pipeline: true',
  open({ connectionStrings, dataset, connections }) {
    const pool = new pg.Pool({ connectionString: connectionStrings.app, max: connections, pipeline: true })
    const text = scoped(dataset)
    return {
      async query(task) {
        const client = await pool.connect()
        try {
          const [, , { rows }] = await Promise.all([
            client.query('begin'),
            client.query(setTenant, [task.tenantId]),
            client.query<TaskRow>(text, [task.projectId]),
            client.query('commit'),
          ])
          return rows
        } finally {
          client.release()
        }
      },
      close: () => endPool(pool),
    }
  },
}

/** The policies alone: their tenant is set for the session beforehand, as no application with a pool can. */
const policiesOnly: Way = {
  name: 'policies-only',
  title: 'row-level security alone, no prelude',
  latencyOnly: true,
  open({ connectionStrings, dataset }) {
    const pool = new pg.Pool({ connectionString: connectionStrings.app, max: 1 })
    const text = scoped(dataset)
    return {
      async beforeQuery(task) {
        await pool.query(`select set_config('app.current_tenant_id', $1, false)`, [task.tenantId])
      },
      query: async (task) => (await pool.query<TaskRow>(text, [task.projectId])).rows,
      close: () => endPool(pool),
    }
  },
}

/** Every way to use node-postgres, the baseline first. */
export const nodePostgresWays: readonly Way[] = [
  baseline,
  named,
  tenantry,
  tenantryPrepare,
  transaction,
  pipeline,
  policiesOnly,
]
