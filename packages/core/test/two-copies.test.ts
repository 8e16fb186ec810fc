import { expect, test, vi } from 'vitest'

/** Two instances of every module, as the ESM and the CommonJS build are, or two versions in one node_modules. */
async function twoCopies() {
  const first = await import('../src/index.ts')
  vi.resetModules()
  const second = await import('../src/index.ts')
  expect(second.createTenancy).not.toBe(first.createTenancy)
  return [first, second] as const
}

test('a scope opened through one copy exists for the other', async () => {
  const [first, second] = await twoCopies()
  const one = first.createTenancy({ tenantId: 'text', settings: { userId: 'app.user' } })
  const other = second.createTenancy({ tenantId: 'text', settings: { userId: 'app.user' } })
  one.run({ tenantId: 'acme', userId: 'u1' }, () => {
    expect(other.tenantId()).toBe('acme')
    expect(other.current()?.key).toBe(one.current()?.key)
  })
})

test('an error of one copy is recognised by the other, though it is no instance of its class', async () => {
  const [first, second] = await twoCopies()
  const error: unknown = new first.TenantRequiredError('nobody')
  expect(error instanceof second.TenantryError).toBe(false)
  expect(second.TenantryError.isInstance(error)).toBe(true)
})

test.each([undefined, null, 'TENANT_REQUIRED', new Error('x'), { code: 'TENANT_REQUIRED' }])(
  '%s is no error of ours',
  async (value) => {
    const { TenantryError } = await import('../src/index.ts')
    expect(TenantryError.isInstance(value)).toBe(false)
  },
)
