export { describeTenancyConformance } from './describe-tenancy-conformance.ts'
export type { ConformanceOptions } from './describe-tenancy-conformance.ts'
export type { Capability, ConformanceFacts } from './facts.ts'
export type {
  ConformanceHarness,
  ConformanceSubject,
  HeldClient,
  OpenOptions,
  PoolCounts,
  ProjectOperations,
  ProjectRow,
  Row as ConformanceRow,
  SubjectTransaction,
  TransactionOptions,
} from './harness.ts'
export { poolHarness } from './pool-harness.ts'
export type { ConformancePool, CursorClass, PoolHarnessOptions } from './pool-harness.ts'
export type { ConformanceRunner, ConformanceTestFunction } from './runner.ts'
export type { ConformanceTenancy } from './tenancies.ts'
