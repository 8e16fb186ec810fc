// The model
export { defineTenancy } from './model/define-tenancy.ts'
export type {
  ChildTableOptions,
  ExcludedTableOptions,
  SharedTableOptions,
  SharedTenantTableOptions,
  TableKind,
  TableOptions,
  Tenancy,
  TenancyOptions,
  TenantTableOptions,
} from './model/tenancy.ts'
export { resolveTenancy } from './model/resolve-tenancy.ts'
export type { ResolvedTable, ResolvedTenancy, SharedTable } from './model/resolved-tenancy.ts'
export { inferTenancy } from './inference/infer-tenancy.ts'
export type {
  Choice,
  Confidence,
  Inference,
  InferOptions,
  InferredTable,
  Question,
  RootCandidate,
} from './inference/inference.ts'

// The catalogue
export { readCatalogue } from './catalogue/read-catalogue.ts'
export type { ReadCatalogueOptions } from './catalogue/read-catalogue.ts'
export { withoutSizes } from './catalogue/without-sizes.ts'
export type {
  Catalogue,
  CheckConstraint,
  Column,
  ColumnGrant,
  DatabaseFunction,
  ForeignKey,
  ForeignKeyAction,
  Grant,
  Index,
  Membership,
  Policy,
  PolicyCommand,
  Role,
  Schema,
  Sequence,
  Table,
  Trigger,
  View,
} from './catalogue/catalogue.ts'
export type { QualifiedName } from './identifiers.ts'
export type { Query, Row } from './query.ts'

// The plan
export { planTenancy } from './plan/plan-tenancy.ts'
export type { PlanOptions } from './plan/plan-tenancy.ts'
export type { DataCheck, LockMode, Note, Phase, Plan, PlanShape, Risk, Step } from './plan/plan.ts'

export { checkPlan } from './apply/check-plan.ts'
export type { CheckPlanOptions } from './apply/check-plan.ts'
export { applyPlan, undoPlan } from './apply/apply-plan.ts'
export type { ApplyPlanOptions, PlanResult, UndoPlanOptions } from './apply/apply-plan.ts'
export type { PlanProgress } from './apply/run-steps.ts'

// One table at a time, for migrations
export { tableIsolation, tenantFunctionIsolation } from './plan/table-isolation.ts'
export type { Isolation, IsolationOptions, TableIsolationOptions } from './plan/table-isolation.ts'

// The plan as files
export { renderSql } from './render/render-sql.ts'
export type { RenderSqlOptions } from './render/render-sql.ts'
export { renderDrizzle } from './render/render-drizzle.ts'
export type { DrizzleMigrationOptions } from './render/render-drizzle.ts'
export { renderKysely } from './render/render-kysely.ts'
export { renderNodePgMigrate } from './render/render-node-pg-migrate.ts'
export { renderPrisma } from './render/render-prisma.ts'
export { renderTypeorm } from './render/render-typeorm.ts'
export type { MigrationOptions, RenderedFile, RenderOptions } from './render/rendered-file.ts'
export type { Direction } from './render/pieces.ts'

// Indexes
export { adviseIndexes } from './indexes/advise-indexes.ts'
export type { IndexAdvice } from './indexes/index-advice.ts'

// The life of a tenant
export { provisionTenant } from './tenants/provision-tenant.ts'
export type { FirstRow, ProvisionedTenant, ProvisionOptions } from './tenants/provision-tenant.ts'
export { countTenant } from './tenants/count-tenant.ts'
export type { TableCount, TenantCount } from './tenants/count-tenant.ts'
export { exportTenant } from './tenants/export-tenant.ts'
export type { ExportOptions, ExportProgress, TenantExport } from './tenants/export-tenant.ts'
export { deleteTenant } from './tenants/delete-tenant.ts'
export type { DeletionOptions, DeletionProgress, TenantDeletion } from './tenants/delete-tenant.ts'
export type { Copy } from './tenants/export-rows.ts'
export type { TenantId } from './tenants/tenant-id.ts'

// Errors
export { POLICY_ERROR_CODES, TenantryError } from './errors.ts'
export type { PolicyErrorCode, TenantryErrorOptions } from './errors.ts'
export type { Problem, ProblemCode } from './problem.ts'
