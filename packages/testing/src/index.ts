// PostgreSQL for tests
export { startPostgres } from './postgres/start-postgres.ts'
export type { StartPostgresOptions } from './postgres/start-postgres.ts'
export { connectToPostgres } from './postgres/test-postgres.ts'
export type { TestPostgres } from './postgres/test-postgres.ts'
export type { CreateDatabaseOptions, DatabaseSetup } from './postgres/create-database.ts'
export type { TestDatabase, TestDatabaseUrls } from './postgres/test-database.ts'
export type { PostgresProviderName, ServerSettings } from './postgres/provider.ts'
export { testRoles } from './postgres/roles.ts'
export type { TestRole } from './postgres/roles.ts'
export { queryAs } from './postgres/query-as.ts'
export type { Query, Row } from './postgres/query-as.ts'
export { tenancySchema } from './postgres/tenancy-schema.ts'
export type { TenancySchemaOptions, TenantIdType } from './postgres/tenancy-schema.ts'
export { seedTenants } from './postgres/seed-tenants.ts'
export type { SeededTenant } from './postgres/seed-tenants.ts'

// The conformance suite
export { describeTenancyConformance, poolHarness } from './conformance/index.ts'
export type {
  Capability,
  ConformanceFacts,
  ConformanceHarness,
  ConformanceOptions,
  ConformancePool,
  ConformanceRow,
  ConformanceRunner,
  ConformanceSubject,
  ConformanceTenancy,
  ConformanceTestFunction,
  CursorClass,
  HeldClient,
  OpenOptions,
  PoolCounts,
  PoolHarnessOptions,
  ProjectOperations,
  ProjectRow,
  SubjectTransaction,
  TransactionOptions,
} from './conformance/index.ts'
