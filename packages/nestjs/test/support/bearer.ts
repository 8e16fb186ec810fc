import type { TenantResolver } from '../../src/index.ts'

/** The tenant that the bearer's token names, for tests that are not about tokens. */
export const tenantFromBearer: TenantResolver = ({ headers }) =>
  headers['authorization']?.slice('Bearer '.length) as string | undefined
