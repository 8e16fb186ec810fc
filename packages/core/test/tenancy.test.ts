import { EventEmitter } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createTenancy, TenantRequiredError } from '../src/index.ts'
import type { Scope } from '../src/index.ts'
import { codeOf } from './code-of.ts'

const tenancy = createTenancy({ tenantId: 'text', settings: { userId: 'app.user' } })

describe('run', () => {
  test('gives what the function returns, and leaves no scope behind', () => {
    expect(tenancy.run('acme', () => 42)).toBe(42)
    expect(tenancy.current()).toBeUndefined()
  })

  test('holds across awaits and timers, for many at once', async () => {
    const seen = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        tenancy.run(`tenant-${index}`, async () => {
          await nextTurn()
          await Promise.resolve()
          return tenancy.tenantId()
        }),
      ),
    )
    expect(seen).toEqual(Array.from({ length: 200 }, (_, index) => `tenant-${index}`))
  })

  test('an error passes through, and leaves no scope behind', async () => {
    const error = new Error('mine')
    expect(() =>
      tenancy.run('acme', () => {
        throw error
      }),
    ).toThrow(error)
    await expect(tenancy.run('acme', () => Promise.reject(error))).rejects.toBe(error)
    expect(tenancy.current()).toBeUndefined()
  })

  test('nested for the same tenant it joins: what it does not name is kept', () => {
    tenancy.run({ tenantId: 'acme', userId: 'u1' }, () => {
      const outer = tenancy.current() as Scope
      tenancy.run('acme', () => expect(tenancy.current()?.key).toBe(outer.key))
      tenancy.run({ tenantId: 'acme', userId: 'u2' }, () =>
        expect(tenancy.current()?.values).toEqual({ tenantId: 'acme', userId: 'u2' }),
      )
    })
  })

  test("nested for another tenant it starts afresh: the user of one tenant is not the other's", () => {
    tenancy.run({ tenantId: 'acme', userId: 'u1' }, () => {
      tenancy.run('globex', () => expect(tenancy.current()?.values).toEqual({ tenantId: 'globex' }))
      expect(tenancy.tenantId()).toBe('acme')
    })
  })

  test('the scope is frozen', () => {
    tenancy.run('acme', () => {
      const scope = tenancy.current() as Scope
      expect(Object.isFrozen(scope) && Object.isFrozen(scope.values)).toBe(true)
    })
  })
})

describe('keys of scopes', () => {
  const keys = [
    tenancy.run('acme', () => tenancy.current()?.key),
    tenancy.run('globex', () => tenancy.current()?.key),
    tenancy.run({ tenantId: 'acme', userId: 'u1' }, () => tenancy.current()?.key),
    tenancy.withoutTenant(() => tenancy.current()?.key),
    tenancy.withoutTenant({ userId: 'u1' }, () => tenancy.current()?.key),
    tenancy.asSystem('test', () => tenancy.current()?.key),
  ]

  test('differ where kind, tenant or any setting differs', () => {
    expect(new Set(keys).size).toBe(keys.length)
  })

  test('are equal for equal scopes, whatever the order of their settings', () => {
    const three = createTenancy({ tenantId: 'text', settings: { userId: 'app.user', region: 'app.region' } })
    const one = three.run({ tenantId: 'acme', userId: 'u1', region: 'eu' }, () => three.current()?.key)
    const other = three.run({ region: 'eu', userId: 'u1', tenantId: 'acme' }, () => three.current()?.key)
    expect(one).toBe(other)
    expect(tenancy.asSystem('one reason', () => tenancy.current()?.key)).toBe(
      tenancy.asSystem('another', () => tenancy.current()?.key),
    )
  })
})

describe('withoutTenant', () => {
  test('is a scope of its own, without tenant or settings', () => {
    tenancy.run({ tenantId: 'acme', userId: 'u1' }, () => {
      tenancy.withoutTenant(() => expect(tenancy.current()).toMatchObject({ kind: 'none', values: {} }))
    })
  })

  test('can send the other settings', () => {
    tenancy.withoutTenant({ userId: 'u1' }, () => expect(tenancy.current()?.values).toEqual({ userId: 'u1' }))
  })

  test('refuses a tenant id', () => {
    expect(codeOf(() => tenancy.withoutTenant({ tenantId: 'acme' } as never, () => {}))).toBe(
      'INVALID_SETTING',
    )
  })
})

describe('asSystem', () => {
  test.each(['', '  ', undefined, null, 42])('needs a reason: refuses %j', (reason) => {
    let ran = false
    expect(
      codeOf(() =>
        tenancy.asSystem(reason as string, () => {
          ran = true
        }),
      ),
    ).toBe('SYSTEM_REASON_REQUIRED')
    expect(ran).toBe(false)
  })

  test('keeps its reason', () => {
    tenancy.asSystem('invoices', () =>
      expect(tenancy.current()).toMatchObject({ kind: 'system', reason: 'invoices' }),
    )
  })
})

describe('tenantId', () => {
  test.each([
    ['no scope', <T>(fn: () => T) => fn()],
    ['withoutTenant', <T>(fn: () => T) => tenancy.withoutTenant(fn)],
    ['asSystem', <T>(fn: () => T) => tenancy.asSystem('test', fn)],
  ])('throws with %s', (_name, within) => {
    expect(() => within(() => tenancy.tenantId())).toThrow(TenantRequiredError)
  })
})

describe('bind', () => {
  test('keeps the scope for a listener called from another', () => {
    const emitter = new EventEmitter()
    const heard: (string | undefined)[] = []
    tenancy.run('acme', () => {
      emitter.on(
        'saved',
        tenancy.bind(() => heard.push(tenancy.tenantId())),
      )
      emitter.on('saved', () => heard.push(tenancy.tenantId()))
    })
    tenancy.run('globex', () => emitter.emit('saved'))
    expect(heard).toEqual(['acme', 'globex'])
  })

  test('passes this, arguments and result', () => {
    const add = tenancy.run('acme', () =>
      tenancy.bind(function (this: { base: number }, by: number) {
        return this.base + by
      }),
    )
    expect(add.call({ base: 40 }, 2)).toBe(42)
  })

  test('made without a scope it runs without one', () => {
    const bound = tenancy.bind(() => tenancy.current())
    expect(tenancy.run('acme', () => bound())).toBeUndefined()
  })
})

describe('defer and assign', () => {
  test('what started before the assignment sees it', async () => {
    await tenancy.defer(async () => {
      const early = nextTurn().then(() => tenancy.tenantId())
      expect(tenancy.current()).toBeUndefined()
      tenancy.assign('acme')
      expect(await early).toBe('acme')
    })
  })

  test('from a guard deeper in the call', async () => {
    const guard = async (tenant: string) => {
      await nextTurn()
      tenancy.assign(tenant)
    }
    const seen = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        tenancy.defer(async () => {
          await guard(`tenant-${index}`)
          await nextTurn()
          return tenancy.tenantId()
        }),
      ),
    )
    expect(seen).toEqual(Array.from({ length: 100 }, (_, index) => `tenant-${index}`))
  })

  test('happens once: another tenant is refused, the same one is not', () => {
    tenancy.defer(() => {
      tenancy.assign({ tenantId: 'acme', userId: 'u1' })
      tenancy.assign({ tenantId: 'acme', userId: 'u1' })
      expect(codeOf(() => tenancy.assign('globex'))).toBe('TENANT_ALREADY_ASSIGNED')
      expect(codeOf(() => tenancy.assign({ tenantId: 'acme', userId: 'u2' }))).toBe('TENANT_ALREADY_ASSIGNED')
      expect(tenancy.current()?.values).toEqual({ tenantId: 'acme', userId: 'u1' })
    })
  })

  test('outside of defer, and inside a run within it, assign is refused', () => {
    expect(codeOf(() => tenancy.assign('acme'))).toBe('DEFERRED_SCOPE_REQUIRED')
    tenancy.defer(() =>
      tenancy.run('acme', () => expect(codeOf(() => tenancy.assign('acme'))).toBe('DEFERRED_SCOPE_REQUIRED')),
    )
  })

  test('an invalid id leaves it open', () => {
    tenancy.defer(() => {
      expect(codeOf(() => tenancy.assign(''))).toBe('INVALID_TENANT_ID')
      tenancy.assign('acme')
      expect(tenancy.tenantId()).toBe('acme')
    })
  })

  test('assignWithoutTenant makes it work for no tenant, with the settings given', () => {
    tenancy.defer(() => {
      const bound = tenancy.bind(() => tenancy.current())
      tenancy.assignWithoutTenant({ userId: 'u1' })
      tenancy.assignWithoutTenant({ userId: 'u1' })
      expect(bound()).toMatchObject({ kind: 'none', values: { userId: 'u1' } })
      expect(codeOf(() => tenancy.assignWithoutTenant())).toBe('TENANT_ALREADY_ASSIGNED')
      expect(codeOf(() => tenancy.assign('acme'))).toBe('TENANT_ALREADY_ASSIGNED')
      expect(codeOf(() => tenancy.assignSystem('invoices'))).toBe('TENANT_ALREADY_ASSIGNED')
    })
    tenancy.defer(() => {
      expect(codeOf(() => tenancy.assignWithoutTenant({ tenantId: 'acme' } as object))).toBe(
        'INVALID_SETTING',
      )
      expect(tenancy.current()).toBeUndefined()
    })
  })

  test('assignSystem makes it work across tenants, and an assigned tenant can never become that', () => {
    tenancy.defer(() => {
      expect(codeOf(() => tenancy.assignSystem(' '))).toBe('SYSTEM_REASON_REQUIRED')
      tenancy.assignSystem('invoices')
      tenancy.assignSystem('invoices')
      expect(tenancy.current()).toMatchObject({ kind: 'system', reason: 'invoices' })
      expect(codeOf(() => tenancy.assignSystem('another reason'))).toBe('TENANT_ALREADY_ASSIGNED')
      expect(codeOf(() => tenancy.assign('acme'))).toBe('TENANT_ALREADY_ASSIGNED')
    })
    tenancy.defer(() => {
      tenancy.assign('acme')
      expect(codeOf(() => tenancy.assignSystem('invoices'))).toBe('TENANT_ALREADY_ASSIGNED')
      expect(tenancy.tenantId()).toBe('acme')
    })
  })

  test('neither is allowed outside of defer, nor inside a run within it', () => {
    for (const assign of [() => tenancy.assignWithoutTenant(), () => tenancy.assignSystem('invoices')]) {
      expect(codeOf(assign)).toBe('DEFERRED_SCOPE_REQUIRED')
      tenancy.defer(() => tenancy.run('acme', () => expect(codeOf(assign)).toBe('DEFERRED_SCOPE_REQUIRED')))
    }
  })

  test('inside a run it starts without that scope, so that nobody acts for it by accident', () => {
    tenancy.run('acme', () => tenancy.defer(() => expect(tenancy.current()).toBeUndefined()))
  })
})

describe('scopeOf', () => {
  test('is the scope that run would open, and opens none', () => {
    const ids = createTenancy({ tenantId: 'uuid' })
    const written = '0A7C1E52-6F3B-4D18-9C40-2B8E5F1D7A01'
    expect(ids.scopeOf(written)).toEqual(ids.run(written, () => ids.current()))
    expect(ids.scopeOf(written).tenantId).toBe(written.toLowerCase())
    expect(ids.current()).toBeUndefined()
  })

  test('takes nothing from the scope it is called in', () => {
    tenancy.run({ tenantId: 'acme', userId: 'u1' }, () =>
      expect(tenancy.scopeOf('acme').values).toEqual({ tenantId: 'acme' }),
    )
  })

  test('refuses what run refuses', () => {
    expect(codeOf(() => tenancy.scopeOf(''))).toBe('INVALID_TENANT_ID')
    expect(codeOf(() => tenancy.scopeOf({ tenantId: 'acme', role: 'admin' } as never))).toBe(
      'INVALID_SETTING',
    )
  })
})

describe('source', () => {
  let tenant: string | { tenantId: string; userId: string } | undefined
  const sourced = createTenancy({
    tenantId: 'text',
    settings: { userId: 'app.user' },
    name: 'sourced',
    source: () => tenant,
  })

  test('is asked where no scope is open', () => {
    tenant = { tenantId: 'acme', userId: 'u1' }
    expect(sourced.current()?.values).toEqual({ tenantId: 'acme', userId: 'u1' })
    tenant = undefined
    expect(sourced.current()).toBeUndefined()
  })

  test('an open scope comes first', () => {
    tenant = 'acme'
    sourced.withoutTenant(() => expect(sourced.current()?.kind).toBe('none'))
    sourced.run('globex', () => expect(sourced.tenantId()).toBe('globex'))
  })

  test('what it returns is checked as anything else', () => {
    tenant = ''
    expect(codeOf(() => sourced.current())).toBe('INVALID_TENANT_ID')
  })

  test('bind keeps what it said', () => {
    tenant = 'acme'
    const bound = sourced.bind(() => sourced.tenantId())
    tenant = 'globex'
    expect(bound()).toBe('acme')
  })
})

describe('several tenancies in one process', () => {
  test('equal ones share their context', () => {
    const same = createTenancy({ tenantId: 'text', settings: { userId: 'app.user' } })
    tenancy.run('acme', () => expect(same.tenantId()).toBe('acme'))
  })

  test.each([
    ['type', createTenancy({ tenantId: 'uuid', settings: { userId: 'app.user' } })],
    ['settings', createTenancy({ tenantId: 'text', settings: { userId: 'app.other_user' } })],
    ['name', createTenancy({ tenantId: 'text', settings: { userId: 'app.user' }, name: 'other' })],
  ])('those of another %s do not', (_name, other) => {
    tenancy.run('acme', () => expect(other.current()).toBeUndefined())
  })
})
