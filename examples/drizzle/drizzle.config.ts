import type { Config } from 'drizzle-kit'

export default {
  dialect: 'postgresql',
  schema: './src/schema.ts',
  out: './migrations',
  // The schema `tenantry` is none of drizzle-kit's business.
  schemaFilter: ['public'],
} satisfies Config
