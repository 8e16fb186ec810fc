import type { TenancyOptions } from '../../../src/model/tenancy.ts'

/** An existing database, and the tenancy that a plan shall bring it to. */
export interface ProofSchema {
  /** As a part of test titles. */
  readonly name: string
  /** Makes and fills it, run as `tenantry_owner`. */
  readonly setup: string
  readonly tenancy: TenancyOptions
}
