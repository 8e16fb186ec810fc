import type { Config } from 'drizzle-kit'

const url = process.env['OWNER_DATABASE_URL'] ?? ''

export default {
  dialect: 'postgresql',
  schema: './test/kit-project/schema.ts',
  out: './migrations',
  schemaFilter: ['public'],
  dbCredentials: { url },
} satisfies Config
