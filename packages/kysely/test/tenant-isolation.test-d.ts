import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { expectTypeOf, test } from 'vitest'
import { createTenantFunction, disableTenantIsolation, enableTenantIsolation } from '../src/index.ts'

declare const typed: Kysely<{ projects: { id: string } }>

test('the helpers take any Kysely, typed or not, and are what a migration returns', () => {
  expectTypeOf(enableTenantIsolation(typed, 'projects')).toEqualTypeOf<Promise<void>>()
  const migration: Migration = {
    up: (db) => enableTenantIsolation(db, 'notes', { kind: 'root', tenantId: 'bigint' }),
    down: (db) => disableTenantIsolation(db, 'notes', { kind: 'root', tenantId: 'bigint' }),
  }
  expectTypeOf(migration.up).returns.toEqualTypeOf<Promise<void>>()
})

test('options are checked', () => {
  // @ts-expect-error no type of tenant ids
  void createTenantFunction(typed, { tenantId: 'number' })
  // @ts-expect-error no kind of a table by itself
  void enableTenantIsolation(typed, 'projects', { kind: 'shared' })
  // @ts-expect-error the table is an argument
  void enableTenantIsolation(typed, 'projects', { table: 'tasks' })
})
