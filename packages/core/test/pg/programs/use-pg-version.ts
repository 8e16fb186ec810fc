// Loaded before a program: `import 'pg'` gives the release of TENANTRY_TEST_PG.
import { registerHooks } from 'node:module'

const minor = process.env['TENANTRY_TEST_PG']?.split('.').slice(0, 2).join('.')

registerHooks({
  resolve(specifier, context, nextResolve) {
    if (specifier !== 'pg' && !specifier.startsWith('pg/')) return nextResolve(specifier, context)
    try {
      return nextResolve(specifier.replace(/^pg/, `pg-${minor}`), context)
    } catch {
      // The newest is installed as plain `pg`.
      return nextResolve(specifier, context)
    }
  },
})
