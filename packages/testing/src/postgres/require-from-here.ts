import { createRequire } from 'node:module'

/**
 * `require` as seen from this package, for finding its optional peers. In the CommonJS build there is no
 * `import.meta.url`, in the ESM build no `__filename`.
 */
export const requireFromHere = createRequire(typeof __filename === 'string' ? __filename : import.meta.url)
