// Makes a TenantPool where NODE_PG_FORCE_NATIVE has made pg.native of pg. The binding itself is not installed.
import { registerHooks } from 'node:module'

registerHooks({
  resolve: (specifier, context, nextResolve) =>
    specifier === 'pg-native'
      ? { url: 'test:pg-native', format: 'commonjs', shortCircuit: true }
      : nextResolve(specifier, context),
  load: (url, context, nextLoad) =>
    url === 'test:pg-native'
      ? { format: 'commonjs', source: "module.exports = { version: '3.0.0' }", shortCircuit: true }
      : nextLoad(url, context),
})

const { default: pg } = await import('pg')
console.log('_handleReadyForQuery' in pg.Client.prototype ? 'JavaScript client' : 'native client')
const { createTenancy } = await import('../../../src/index.ts')
const { TenantPool } = await import('../../../src/pg/index.ts')
try {
  new TenantPool({
    tenancy: createTenancy({ tenantId: 'uuid' }),
    connectionString: 'postgres://127.0.0.1:1/app',
  })
} catch (error) {
  const { code, message } = error as Error & { code: string }
  console.log(code, message)
}
