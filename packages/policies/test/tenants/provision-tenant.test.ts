import { createTenancy } from '@tenantry/core'
import { TenantPool } from '@tenantry/core/pg'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readCatalogue } from '../../src/catalogue/read-catalogue.ts'
import type { ResolvedTenancy } from '../../src/index.ts'
import type { Query, Row } from '../../src/query.ts'
import { countTenant } from '../../src/tenants/count-tenant.ts'
import { provisionTenant } from '../../src/tenants/provision-tenant.ts'
import { type OpenDatabase, openDatabase } from '../support/open-database.ts'
import {
  acme,
  globex,
  openWorkshop,
  rejection,
  resolve,
  rowsLeft,
  workshopTables,
} from './support/workshop.ts'

let database: OpenDatabase
let tenancy: ResolvedTenancy
beforeAll(async () => {
  ;({ database, tenancy } = await openWorkshop('provision-tenant'))
})
afterAll(() => database.close())

const never: Query = () => Promise.reject(new Error('sent'))
const rowsOf = (id: string): Promise<Readonly<Record<string, number>>> =>
  rowsLeft(database.superuser, workshopTables, id)
/** Whether the connection of the application's role has been left outside of any transaction. */
const isIdle = async (): Promise<boolean> => {
  await database.app(`select set_config('test.idle', 'no', true)`)
  const { rows } = await database.app(`select coalesce(current_setting('test.idle', true), '') as idle`)
  return rows[0]?.['idle'] === ''
}

describe('a new tenant', () => {
  test('cannot be made by the application role as it is, and can as itself', async () => {
    const id = randomUUID()
    await expect(database.app('insert into tenants values ($1, $2)', [id, 'Umbrella'])).rejects.toMatchObject(
      {
        code: '42501',
      },
    )
    const made = await provisionTenant(database.app, tenancy, {
      id: id.toUpperCase(),
      values: { name: 'Umbrella' },
      rows: [
        { table: 'Users', values: { id: 1, 'E-mail "address"': 'owner@umbrella.test' } },
        { table: 'public.projects', values: { id: 1, name: 'First', tenant_id: id.toUpperCase() } },
      ],
      fill: async (query) => {
        const { rows } = await query(
          `insert into tasks (id, project_id, title) values (1, 1, 'Begin') returning title`,
        )
        return rows[0]?.['title']
      },
    })

    expect(made).toEqual({
      id,
      tenant: { id, name: 'Umbrella', owner_id: null },
      rows: [
        {
          table: 'public.Users',
          row: { tenant_id: id, id: 1, 'E-mail "address"': 'owner@umbrella.test', manager_id: null },
        },
        { table: 'public.projects', row: { tenant_id: id, id: 1, name: 'First', first_task_id: null } },
      ],
      filled: 'Begin',
    })
    expect(await rowsOf(id)).toEqual({ tenants: 1, '"Users"': 1, projects: 1, tasks: 1 })
    expect(await isIdle()).toBe(true)
  })

  test('has values that stay values', async () => {
    const id = randomUUID()
    const name = `'); drop table tasks; -- \\ "$1" 🦄`
    const { tenant } = await provisionTenant(database.app, tenancy, {
      id,
      values: { name, owner_id: undefined },
    })
    expect(tenant['name']).toBe(name)
  })

  test('that exists already is TENANT_EXISTS, and stays as it is', async () => {
    const existing = provisionTenant(database.app, tenancy, { id: acme, values: { name: 'taken over' } })
    await expect(existing).rejects.toMatchObject({ code: 'TENANT_EXISTS' })
    expect(await isIdle()).toBe(true)
    expect(
      (await database.superuser('select name from tenants where id = $1', [acme])).rows[0]?.['name'],
    ).not.toBe('taken over')
  })

  test('made twice at once exists once', async () => {
    const id = randomUUID()
    const second = await database.connect('app')
    const outcomes = await Promise.allSettled([
      provisionTenant(database.app, tenancy, { id, values: { name: 'first' } }),
      provisionTenant(second.query, tenancy, { id, values: { name: 'second' } }),
    ])
    await second.end()
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'TENANT_EXISTS' },
    })
  })

  test('on the other types of ids, and with a key that PostgreSQL would count up itself', async () => {
    const numbered = await openDatabase(
      'provision-bigint',
      `create table tenants (id bigint generated always as identity primary key, name text not null);
       create table projects (tenant_id bigint not null references tenants, name text);
       grant select, insert on tenants, projects to tenantry_app;`,
    )
    try {
      const counted = await resolve(numbered.superuser, { tenantTable: 'tenants' })
      const made = await provisionTenant(numbered.app, counted, {
        id: 9007199254740993n,
        values: { name: 'large' },
        rows: [{ table: 'projects', values: { name: 'one' } }],
      })
      expect(made.id).toBe('9007199254740993')
      expect((await numbered.superuser('select tenant_id::text from projects')).rows).toEqual([
        { tenant_id: '9007199254740993' },
      ])
      for (const id of [1.5, '1e3', 2n ** 63n, 'abc', NaN, '9223372036854775808', {}]) {
        await expect(provisionTenant(never, counted, { id: id as string })).rejects.toMatchObject({
          code: 'INVALID_TENANT_ID',
        })
      }
    } finally {
      await numbered.close()
    }
  })
})

describe('a failure', () => {
  const half = (id: string): Parameters<typeof provisionTenant>[2] => ({
    id,
    values: { name: 'half' },
    rows: [
      { table: 'projects', values: { id: 1, name: 'one' } },
      { table: 'projects', values: { id: 2, name: null } },
    ],
  })

  test('in any row undoes everything, and is what is thrown', async () => {
    const id = randomUUID()
    await expect(provisionTenant(database.app, tenancy, half(id))).rejects.toMatchObject({ code: '23502' })
    expect(await rowsOf(id)).toEqual({})
    expect(await isIdle()).toBe(true)
  })

  test('is not hidden by a rollback that fails too', async () => {
    const id = randomUUID()
    const connection = await database.connect('app')
    const broken: Query = (text, values) =>
      text === 'ROLLBACK' ? Promise.reject(new Error('connection lost')) : connection.query(text, values)
    await expect(provisionTenant(broken, tenancy, half(id))).rejects.toMatchObject({ code: '23502' })
    await connection.end()
    expect(await rowsOf(id)).toEqual({})
  })

  test('that the callback swallowed does not end as a tenant that was never committed', async () => {
    const id = randomUUID()
    const swallowing = provisionTenant(database.app, tenancy, {
      id,
      values: { name: 'x' },
      fill: async (query) => {
        await query('select 1 / 0').catch(() => {})
      },
    })
    await expect(swallowing).rejects.toMatchObject({ code: '25P02' })
    expect(await rowsOf(id)).toEqual({})
    expect(await isIdle()).toBe(true)
  })

  test.each(['commit', 'rollback', `select set_config('app.current_tenant_id', '${globex}', true)`])(
    'of the callback to leave the transaction alone (%s) is said',
    async (statement) => {
      const ended = provisionTenant(database.app, tenancy, {
        id: randomUUID(),
        values: { name: 'x' },
        fill: (query) => query(statement),
      })
      await expect(ended).rejects.toMatchObject({ code: 'TRANSACTION_LOST' })
      expect(await isIdle()).toBe(true)
    },
  )

  test('at any statement leaves the whole tenant or nothing', async () => {
    const id = randomUUID()
    for (let limit = 1; ; limit += 1) {
      const connection = await database.connect('app')
      let sent = 0
      const cut: Query = (text, values) => {
        sent += 1
        return sent >= limit ? Promise.reject(new Error('cut')) : connection.query(text, values)
      }
      const outcome = await provisionTenant(cut, tenancy, {
        id,
        values: { name: 'x' },
        rows: [{ table: 'projects', values: { id: 1, name: 'one' } }],
      }).catch((error: Error) => error.message)
      await connection.end()
      if (outcome !== 'cut') break
      expect(await rowsOf(id)).toEqual({})
      expect(limit).toBeLessThan(50)
    }
    expect(await rowsOf(id)).toEqual({ tenants: 1, projects: 1 })
  })
})

describe('what does not fit the tables', () => {
  test('is found before anything is sent, all at once', async () => {
    const refused = await rejection(
      provisionTenant(never, tenancy, {
        id: randomUUID(),
        values: { nmae: 'x', id: acme },
        rows: [
          { table: 'task', values: {} },
          { table: 'plans', values: { id: 1 } },
          { table: 'projects', values: { tenant_id: globex, 'name"; drop table tasks; --': 1 } },
        ],
      }),
    )
    expect(refused).toMatchObject({ code: 'TENANCY_DOES_NOT_FIT' })
    expect(refused.problems.map(({ code, object }) => `${code} ${object}`)).toEqual([
      'UNKNOWN_TABLE task',
      'UNKNOWN_TABLE plans',
      'UNKNOWN_COLUMN public.tenants.nmae',
      'TENANTS_MIXED public.tenants.id',
      'UNKNOWN_COLUMN public.projects.name"; drop table tasks; --',
      'TENANTS_MIXED public.projects.tenant_id',
    ])
    expect(refused.message).toContain('Did you mean "name"?')
  })

  test.each([undefined, null, '', 'null', 'acme', 5, {}, [acme], Symbol('id')])(
    'nor the id %s',
    async (id) => {
      await expect(provisionTenant(never, tenancy, { id: id as string })).rejects.toMatchObject({
        code: 'INVALID_TENANT_ID',
      })
    },
  )
})

describe('in a transaction of the caller', () => {
  test('the callback can count the new tenant, and read the catalogue', async () => {
    const id = randomUUID()
    await database.app('begin isolation level repeatable read')
    try {
      const { filled } = await provisionTenant(database.app, tenancy, {
        id,
        values: { name: 'counted' },
        fill: async (query) => {
          const { tables } = await readCatalogue(query)
          const { rows } = await countTenant(query, tenancy, id)
          return [tables.length > 0, rows]
        },
      })
      expect(filled).toEqual([true, 1])
    } finally {
      await database.app('commit')
    }
    expect(await rowsOf(id)).toEqual({ tenants: 1 })
  })

  test('it becomes a part of it: nothing is there before the commit, and the tenant is nobody again', async () => {
    const id = randomUUID()
    await database.app('begin')
    await provisionTenant(database.app, tenancy, { id, values: { name: 'nested' } })
    expect(await rowsOf(id)).toEqual({})
    const { rows } = await database.app(`select current_setting('app.current_tenant_id') as id`)
    expect(rows).toEqual([{ id: '' }])
    await database.app('commit')
    expect(await rowsOf(id)).toEqual({ tenants: 1 })
  })

  test('a failure undoes this part, and what was before can be committed', async () => {
    const [first, second] = [randomUUID(), randomUUID()]
    await database.app('begin')
    await provisionTenant(database.app, tenancy, { id: first, values: { name: 'first' } })
    await expect(
      provisionTenant(database.app, tenancy, {
        id: second,
        values: { name: 'second' },
        fill: () => Promise.reject(new Error('mail server')),
      }),
    ).rejects.toThrow('mail server')
    await database.app('commit')
    expect(await rowsOf(first)).toEqual({ tenants: 1 })
    expect(await rowsOf(second)).toEqual({})
  })

  test('that acts for another tenant it is refused', async () => {
    await database.app('begin')
    await database.app(`select set_config('app.current_tenant_id', $1, true)`, [acme])
    const id = randomUUID()
    await expect(provisionTenant(database.app, tenancy, { id, values: { name: 'x' } })).rejects.toMatchObject(
      {
        code: 'TENANT_MISMATCH',
      },
    )
    await database.app('commit')
    expect(await rowsOf(id)).toEqual({})
  })
})

describe('through a TenantPool', () => {
  const scopes = createTenancy({ tenantId: 'uuid' })

  test('it works in the scope of the new tenant, and with no tenant, in a transaction and on a client', async () => {
    const pool = new TenantPool({ tenancy: scopes, connectionString: database.database.urls.app, max: 1 })
    try {
      const inTransaction = (id: string) => () =>
        pool.transaction((client) =>
          provisionTenant((text, values) => client.query<Row>(text, values && [...values]), tenancy, {
            id,
            values: { name: 'pooled' },
            rows: [{ table: 'projects', values: { id: 1, name: 'one' } }],
          }),
        )
      const onClient = (id: string) => async () => {
        const client = await pool.connect()
        try {
          return await provisionTenant(
            (text, values) => client.query<Row>(text, values && [...values]),
            tenancy,
            {
              id,
              values: { name: 'pooled' },
              rows: [{ table: 'projects', values: { id: 1, name: 'one' } }],
            },
          )
        } finally {
          client.release()
        }
      }
      for (const work of [inTransaction, onClient]) {
        for (const scope of ['its own', 'none'] as const) {
          const id = randomUUID()
          await (scope === 'none' ? scopes.withoutTenant(work(id)) : scopes.run(id, work(id)))
          expect(await rowsOf(id), `${work.name}, ${scope}`).toEqual({ tenants: 1, projects: 1 })
        }
        const id = randomUUID()
        await expect(scopes.run(acme, work(id))).rejects.toMatchObject({ code: 'TENANT_MISMATCH' })
        expect(await rowsOf(id)).toEqual({})
      }
    } finally {
      await pool.end()
    }
  })
})
