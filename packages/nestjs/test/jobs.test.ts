import { Injectable, type Type } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { EventEmitter2, EventEmitterModule, OnEvent } from '@nestjs/event-emitter'
import { Cron, Interval, ScheduleModule, SchedulerRegistry, Timeout } from '@nestjs/schedule'
import type { INestApplicationContext } from '@nestjs/common'
import { setTimeout as delay } from 'node:timers/promises'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { eventually } from './support/eventually.ts'
import { ForTenants, JobWithoutTenant, SystemJob, TenantsFailedError } from '../src/index.ts'
import { rootModule } from './support/application.ts'
import { current, projectNames, projectsOf, tenancy, tenancyModule, useTenants } from './support/tenants.ts'

const fixture = useTenants()
const seen: unknown[] = []

beforeEach(() => {
  seen.length = 0
})

async function start(...providers: Type[]): Promise<INestApplicationContext> {
  const app = await NestFactory.createApplicationContext(
    rootModule({
      imports: [tenancyModule(), ScheduleModule.forRoot(), EventEmitterModule.forRoot()],
      providers,
    }),
    { logger: false, abortOnError: false },
  )
  onTestFinished(() => app.close())
  return app
}

/** A list of tenants, as an application reads it: across tenants, for a stated reason. */
const activeTenants = async () => {
  const { rows } = await tenancy.asSystem('tenants with invoices', () =>
    fixture.pool.query("select id from tenants where name in ('acme', 'globex') order by name"),
  )
  return rows.map(({ id }) => id as string)
}

describe('without a decorator', () => {
  @Injectable()
  class PlainJobs {
    @Timeout(1)
    async early(): Promise<void> {
      seen.push(await projectNames(fixture).catch(({ code }) => code))
    }

    @OnEvent('created')
    created(): void {
      seen.push(current())
    }
  }

  test('a scheduled method has no scope, and reads nothing', async () => {
    await start(PlainJobs)
    await eventually(() => expect(seen).toEqual(['TENANT_REQUIRED']))
  })

  test('a timer that is set in a request keeps its tenant forever, and a listener has the scope of who emits', async () => {
    const app = await start(PlainJobs)
    await eventually(() => expect(seen).toHaveLength(1))
    seen.length = 0
    const { acme, globex } = fixture
    tenancy.run(acme.id, () => {
      const interval = setInterval(() => seen.push(current()), 5)
      app.get(SchedulerRegistry).addInterval('report', interval)
    })
    await eventually(() => expect(seen.slice(0, 2)).toEqual([acme.id, acme.id]))
    app.get(SchedulerRegistry).deleteInterval('report')
    seen.length = 0
    tenancy.run(globex.id, () => app.get(EventEmitter2).emit('created'))
    expect(seen).toEqual([globex.id])
  })
})

@Injectable()
class Jobs {
  readonly tenants = activeTenants

  @Cron('0 0 1 1 *', { name: 'below' })
  @ForTenants((jobs: Jobs) => jobs.tenants())
  async below(): Promise<void> {
    seen.push(await projectNames(fixture))
  }

  @ForTenants((jobs: Jobs) => jobs.tenants())
  @Cron('0 0 1 1 *', { name: 'above' })
  async above(): Promise<void> {
    seen.push(await projectNames(fixture))
  }

  @ForTenants(activeTenants)
  @OnEvent('report')
  @OnEvent('report again')
  async report(text: string): Promise<void> {
    seen.push(`${current()} ${text}`)
  }
}

const usage: number[] = []
const plans: unknown[] = []

@Injectable()
class SharedJobs {
  @JobWithoutTenant()
  @Timeout(1)
  async plans(): Promise<void> {
    plans.push((await fixture.pool.query('select name from plans order by id')).rows)
  }

  @Interval(5)
  @SystemJob('usage of all tenants')
  async usage(): Promise<void> {
    const { rows } = await fixture.pool.query(
      'select count(distinct tenant_id)::int as tenants from projects',
    )
    usage.push(rows[0].tenants)
  }
}

describe('with a decorator', () => {
  test.each(['below', 'above'])('a cron job runs for each tenant, the decorator %s', async (name) => {
    const app = await start(Jobs)
    const { acme, globex } = fixture
    await app.get(SchedulerRegistry).getCronJob(name).fireOnTick()
    await eventually(() => {
      const lists = seen.filter((each) => Array.isArray(each) && typeof each[0] === 'string')
      expect(lists).toEqual([projectsOf(acme), projectsOf(globex)])
    })
  })

  test('a listener runs for each tenant, whoever emits, with the values of the event', async () => {
    const app = await start(Jobs)
    const { acme, globex, all } = fixture
    for (const event of ['report', 'report again']) {
      seen.length = 0
      await tenancy.run({ tenantId: all[7]!.id, userId: acme.userId }, () =>
        app.get(EventEmitter2).emitAsync(event, 'now'),
      )
      expect(seen.filter((each) => String(each).endsWith('now'))).toEqual([
        `${acme.id} now`,
        `${globex.id} now`,
      ])
    }
  })

  test('a method crosses tenants for a reason that is audited, or acts for none', async () => {
    const audited = vi.fn<(reason: string) => void>()
    const onSystem = (event: unknown) => audited((event as { reason: string }).reason)
    subscribe('tenantry:system', onSystem)
    onTestFinished(() => void unsubscribe('tenantry:system', onSystem))
    await start(SharedJobs)
    await eventually(() => {
      expect(usage[0]).toBe(50)
      expect(plans[0]).toEqual([{ name: 'free' }, { name: 'team' }])
    })
    expect(audited).toHaveBeenCalledWith('usage of all tenants')
  })
})

describe('@ForTenants', () => {
  test('takes nothing over from the scope of its caller', async () => {
    @Injectable()
    class Called {
      @ForTenants(() => [fixture.acme.id])
      async run(): Promise<void> {
        seen.push(tenancy.current()?.values)
      }
    }
    const { acme } = fixture
    const app = await start(Called)
    await tenancy.run({ tenantId: acme.id, userId: acme.userId }, () => app.get(Called).run())
    await tenancy.asSystem('test', () => app.get(Called).run())
    expect(seen).toEqual([{ tenantId: acme.id }, { tenantId: acme.id }])
  })

  test("stops for no tenant's error, and reports all of them", async () => {
    @Injectable()
    class Failing {
      @ForTenants(() => [...fixture.all.slice(0, 4).map(({ id }) => id), 'nonsense'])
      async run(): Promise<void> {
        const [name] = await projectNames(fixture)
        if (name === 'globex app' || name === 'tenant1 app') throw new Error(`no invoice for ${name}`)
        seen.push(name)
      }
    }
    const app = await start(Failing)
    const { globex, all } = fixture
    const error: unknown = await app
      .get(Failing)
      .run()
      .catch((thrown: unknown) => thrown)
    expect(seen).toEqual(['acme app', 'tenant0 app'])
    expect(error).toBeInstanceOf(TenantsFailedError)
    expect(error).toBeInstanceOf(AggregateError)
    const { failures, errors, message } = error as TenantsFailedError
    expect(failures.map(({ tenantId }) => tenantId)).toEqual([
      globex.id,
      all[3]!.id,
      'a tenant id that is none',
    ])
    expect(errors).toMatchObject([
      { message: 'no invoice for globex app' },
      {},
      { code: 'INVALID_TENANT_ID' },
    ])
    expect(message).toContain('Failing.run failed for 3 of 5 tenants')
    expect(message).toContain(`${globex.id}: Error: no invoice for globex app`)
  })

  test('throws what kept it from knowing the tenants, once those that have begun are done', async () => {
    @Injectable()
    class Listing {
      @ForTenants(
        async function* () {
          yield fixture.acme.id
          throw new Error('the list ended early')
        },
        { concurrency: 2 },
      )
      async run(): Promise<void> {
        await delay(10)
        seen.push(await projectNames(fixture))
      }

      @ForTenants(async () => (await fixture.pool.query('select id from tenants')).rows)
      unscoped(): void {
        seen.push('called')
      }
    }
    const app = await start(Listing)
    await expect(app.get(Listing).run()).rejects.toThrow('the list ended early')
    expect(seen).toEqual([projectsOf(fixture.acme)])
    await expect(app.get(Listing).unscoped()).rejects.toMatchObject({ code: 'TENANT_REQUIRED' })
    expect(seen).toHaveLength(1)
  })

  test('runs for as many tenants at a time as it is told', async () => {
    const running = { now: 0, most: 0 }
    const work = async (): Promise<void> => {
      running.now += 1
      running.most = Math.max(running.most, running.now)
      seen.push((await projectNames(fixture))[0])
      running.now -= 1
    }
    const ids = () => fixture.all.map(({ id }) => id)

    @Injectable()
    class Busy {
      @ForTenants(ids)
      one(): Promise<void> {
        return work()
      }

      @ForTenants(ids, { concurrency: 10 })
      ten(): Promise<void> {
        return work()
      }
    }
    const app = await start(Busy)
    await app.get(Busy).one()
    expect(running.most).toBe(1)
    expect(seen).toEqual(fixture.all.map(({ name }) => `${name} app`))
    seen.length = 0
    await app.get(Busy).ten()
    expect(running.most).toBe(10)
    expect(new Set(seen)).toEqual(new Set(fixture.all.map(({ name }) => `${name} app`)))
  })

  test('works in a class that inherits it, and is refused where there is no tenancy', async () => {
    class Base {
      @ForTenants(() => [fixture.acme.id])
      async run(): Promise<void> {
        seen.push(current())
      }
    }
    @Injectable()
    class Derived extends Base {}
    const app = await start(Derived)
    await app.get(Derived).run()
    expect(seen).toEqual([fixture.acme.id])
    expect(() => new Derived().run()).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }))
  })

  test('is refused with a concurrency that is none, and on what is no method of a provider', () => {
    expect(() => ForTenants(() => [], { concurrency: 0 })).toThrow(
      expect.objectContaining({ code: 'INVALID_CONFIG' }),
    )
    expect(() => {
      class Static {
        readonly name = 'static'

        @SystemJob('test')
        static run(): void {}
      }
      return Static
    }).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }))
    expect(() => SystemJob(' ')).toThrow(expect.objectContaining({ code: 'SYSTEM_REASON_REQUIRED' }))
  })
})
