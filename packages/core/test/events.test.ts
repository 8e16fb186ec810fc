import diagnostics from 'node:diagnostics_channel'
import { afterEach, expect, test } from 'vitest'
import { createTenancy } from '../src/index.ts'
import type { RefusedEvent, ScopeEvent, SystemEvent } from '../src/index.ts'

const tenancy = createTenancy({ tenantId: 'text', settings: { userId: 'app.user' } })
const undo: (() => void)[] = []

afterEach(() => {
  for (const each of undo.splice(0)) each()
})

function listen<Event>(name: string): Event[] {
  const events: Event[] = []
  const listener = (event: unknown) => events.push(event as Event)
  diagnostics.subscribe(name, listener)
  undo.push(() => diagnostics.unsubscribe(name, listener))
  return events
}

test('asSystem is announced once, with its reason and who asked', () => {
  const events = listen<SystemEvent>('tenantry:system')
  tenancy.run({ tenantId: 'acme', userId: 'u1' }, () => tenancy.asSystem('invoices', () => {}))
  expect(events).toHaveLength(1)
  expect(events[0]).toMatchObject({
    reason: 'invoices',
    scope: { kind: 'system' },
    from: { tenantId: 'acme', values: { userId: 'u1' } },
  })
})

test('assignSystem is announced as asSystem is, once', () => {
  const system = listen<SystemEvent>('tenantry:system')
  const scopes = listen<ScopeEvent>('tenantry:scope')
  tenancy.defer(() => {
    tenancy.assignSystem('invoices')
    tenancy.assignSystem('invoices')
    expect(() => tenancy.assignSystem('another')).toThrow('cannot be assigned')
  })
  tenancy.defer(() => tenancy.assignWithoutTenant())
  expect(system).toMatchObject([{ reason: 'invoices', scope: { kind: 'system' }, from: undefined }])
  expect(scopes.map(({ scope }) => scope.kind)).toEqual(['system', 'none'])
})

test('a refused asSystem is no system access', () => {
  const system = listen<SystemEvent>('tenantry:system')
  const refused = listen<RefusedEvent>('tenantry:refused')
  expect(() => tenancy.asSystem('', () => {})).toThrow('needs a reason')
  expect(system).toEqual([])
  expect(refused.map(({ code }) => code)).toEqual(['SYSTEM_REASON_REQUIRED'])
})

test('every change of scope is announced, with where it came from', () => {
  const events = listen<ScopeEvent>('tenantry:scope')
  tenancy.run('acme', () => tenancy.withoutTenant(() => {}))
  tenancy.defer(() => tenancy.assign('globex'))
  expect(events.map(({ scope, from }) => [scope.kind, from?.kind])).toEqual([
    ['tenant', undefined],
    ['none', 'tenant'],
    ['tenant', undefined],
  ])
})

test('a refused tenant id is announced with its error', () => {
  const events = listen<RefusedEvent>('tenantry:refused')
  expect(() => tenancy.run('', () => {})).toThrow('is not a tenant id')
  expect(events).toHaveLength(1)
  expect(events[0]?.error.code).toBe('INVALID_TENANT_ID')
})
