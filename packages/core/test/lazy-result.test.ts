import { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { map, Observable } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { createTenancy } from '../src/index.ts'

const tenancy = createTenancy({ tenantId: 'text' })

/** Like a query of Prisma, Drizzle or Knex: does nothing until somebody asks for its result. */
class LazyQuery<T> implements PromiseLike<T> {
  started = 0
  readonly #work: () => T

  constructor(work: () => T) {
    this.#work = work
  }

  // oxlint-disable-next-line unicorn/no-thenable -- a thenable is the point
  then<A = T, B = never>(
    resolve?: ((value: T) => A | PromiseLike<A>) | null,
    reject?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.started += 1
    return nextTurn().then(this.#work).then(resolve, reject)
  }
}

describe('a lazy thenable', () => {
  test('naively awaited outside, it has lost the scope', async () => {
    let query: LazyQuery<string | undefined> | undefined
    tenancy.run('acme', () => {
      query = new LazyQuery(() => tenancy.current()?.kind)
    })
    expect(await query).toBeUndefined()
  })

  test('returned by run, it is started once, inside the scope', async () => {
    const query = new LazyQuery(() => tenancy.tenantId())
    expect(await tenancy.run('acme', () => query)).toBe('acme')
    expect(query.started).toBe(1)
  })

  test('its rejection is passed on', async () => {
    const error = new Error('mine')
    await expect(
      tenancy.run(
        'acme',
        () =>
          new LazyQuery(() => {
            throw error
          }),
      ),
    ).rejects.toBe(error)
  })

  test('also through withoutTenant, asSystem and defer', async () => {
    const kind = () => new LazyQuery(() => tenancy.current()?.kind)
    expect(await tenancy.withoutTenant(kind)).toBe('none')
    expect(await tenancy.asSystem('test', kind)).toBe('system')
    expect(
      await tenancy.defer(() => {
        const query = kind()
        tenancy.assign('acme')
        return query
      }),
    ).toBe('tenant')
  })
})

describe('an async iterable', () => {
  async function* ids() {
    yield tenancy.tenantId()
    await nextTurn()
    yield tenancy.tenantId()
  }

  test('is pulled inside the scope, in whatever scope it is consumed', async () => {
    const stream = tenancy.run('acme', () => ids())
    await tenancy.run('globex', async () => {
      const seen: string[] = []
      for await (const id of stream) seen.push(id, tenancy.tenantId())
      expect(seen).toEqual(['acme', 'globex', 'acme', 'globex'])
    })
  })

  test('broken off, its clean-up runs inside the scope', async () => {
    const cleaned: string[] = []
    const stream = tenancy.run('acme', () =>
      (async function* () {
        try {
          yield 1
          yield 2
        } finally {
          cleaned.push(tenancy.tenantId())
        }
      })(),
    )
    for await (const _ of stream) break
    expect(cleaned).toEqual(['acme'])
  })

  test('returned by an async function it is bound as well', async () => {
    const stream = await tenancy.run('acme', async () => ids())
    const seen: string[] = []
    for await (const id of stream) seen.push(id)
    expect(seen).toEqual(['acme', 'acme'])
  })
})

test('a Readable reads inside the scope and stays the same object', async () => {
  const made: Readable[] = []
  const stream = tenancy.run('acme', () => {
    const readable = new Readable({
      objectMode: true,
      read() {
        this.push(tenancy.current()?.kind ?? 'none')
        this.push(null)
      },
    })
    made.push(readable)
    return readable
  })
  expect(stream).toBe(made[0])
  expect(await stream.toArray()).toEqual(['tenant'])
})

describe('an Observable', () => {
  const cold = () =>
    new Observable<string>((subscriber) => {
      subscriber.next(tenancy.tenantId())
      subscriber.complete()
    })

  test('is subscribed to inside the scope, also behind operators added outside', async () => {
    const observable = tenancy.run('acme', cold)
    const seen: string[] = []
    observable.subscribe((id) => seen.push(id))
    observable.pipe(map((id) => id.toUpperCase())).subscribe((id) => seen.push(id))
    expect(seen).toEqual(['acme', 'ACME'])
    expect(observable).toBeInstanceOf(Observable)
  })
})

test('a web stream is left alone: it would not survive being wrapped', async () => {
  const stream = tenancy.run(
    'acme',
    () =>
      new ReadableStream({
        start: (controller) => {
          controller.enqueue(new TextEncoder().encode('x'))
          controller.close()
        },
      }),
  )
  expect(await new Response(stream).text()).toBe('x')
})
