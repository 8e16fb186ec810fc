import type { Observable } from 'rxjs'
import { expectTypeOf, test } from 'vitest'
import { createTenancy } from '../src/index.ts'
import type { Scope, Tenancy, TenantryErrorCode } from '../src/index.ts'

const uuids = createTenancy({ tenantId: 'uuid', settings: { userId: 'app.user' } })
const integers = createTenancy({ tenantId: 'bigint' })

test('run returns what the function returns, and a promise for anything thenable', () => {
  expectTypeOf(uuids.run('x', () => 42)).toEqualTypeOf<number>()
  expectTypeOf(uuids.run('x', async () => 42)).toEqualTypeOf<Promise<number>>()
  expectTypeOf(uuids.run('x', () => ({}) as PromiseLike<string[]>)).toEqualTypeOf<Promise<string[]>>()
  expectTypeOf(uuids.run('x', () => ({}) as AsyncIterable<number>)).toEqualTypeOf<AsyncIterable<number>>()
  expectTypeOf(uuids.run('x', () => ({}) as Observable<number>)).toEqualTypeOf<Observable<number>>()
  expectTypeOf(uuids.withoutTenant(() => 42)).toEqualTypeOf<number>()
  expectTypeOf(uuids.asSystem('why', async () => 42)).toEqualTypeOf<Promise<number>>()
})

test('ids are of the declared type', () => {
  // @ts-expect-error a uuid is text
  uuids.run(42, () => {})
  integers.run(42, () => {})
  integers.run(42n, () => {})
  integers.run('42', () => {})
  // @ts-expect-error not an id
  integers.run(true, () => {})
})

test('settings are those declared', () => {
  uuids.run({ tenantId: 'x', userId: 'u' }, () => {})
  uuids.run({ tenantId: 'x' }, () => {})
  uuids.withoutTenant({ userId: 42n }, () => {})
  // @ts-expect-error not declared
  uuids.run({ tenantId: 'x', region: 'eu' }, () => {})
  // @ts-expect-error no tenant
  uuids.run({ userId: 'u' }, () => {})
  // @ts-expect-error that is what run is for
  uuids.withoutTenant({ tenantId: 'x' }, () => {})
})

test('bind keeps the signature', () => {
  const bound = uuids.bind((a: number, b: string) => `${a}${b}`)
  expectTypeOf(bound).parameters.toEqualTypeOf<[number, string]>()
  expectTypeOf(bound).returns.toEqualTypeOf<string>()
})

test('a scope is told apart by its kind', () => {
  const scope = uuids.current()
  expectTypeOf(scope).toEqualTypeOf<Scope | undefined>()
  if (scope?.kind === 'tenant') expectTypeOf(scope.tenantId).toEqualTypeOf<string>()
  if (scope?.kind === 'system') expectTypeOf(scope.reason).toEqualTypeOf<string>()
})

test('any tenancy fits where one is asked for', () => {
  expectTypeOf(uuids).toExtend<Tenancy>()
  expectTypeOf(integers).toExtend<Tenancy>()
})

test('codes are a closed list', () => {
  expectTypeOf<'TENANT_REQUIRED'>().toExtend<TenantryErrorCode>()
  expectTypeOf<'NO_SUCH_CODE'>().not.toExtend<TenantryErrorCode>()
})
