import { createRequire } from 'node:module'
import * as kysely from 'kysely'
import type * as migration from 'kysely/migration'

const { Migrator: ofPackage } = kysely as unknown as Partial<typeof migration>

/** Until 0.28 part of the package itself, from 0.29 on of `kysely/migration`, which a test project's alias does not reach. */
export const Migrator: typeof migration.Migrator =
  ofPackage ?? (createRequire(import.meta.url)('kysely/migration') as typeof migration).Migrator
