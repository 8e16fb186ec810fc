export {
  ERROR_CODES,
  InvalidTenantIdError,
  SystemPoolRequiredError,
  TenantMismatchError,
  TenantRequiredError,
  TenantryError,
} from './errors.ts'
export type { TenantryErrorCode, TenantryErrorOptions } from './errors.ts'
export type { RefusedEvent, ScopeEvent, SystemEvent } from './events.ts'
export type { ScopedResult } from './lazy-result.ts'
export type { NoTenantScope, Scope, SystemScope, TenantScope } from './scope.ts'
export type { SettingValue } from './setting-value.ts'
export { DEFAULT_TENANT_SETTING } from './settings.ts'
export type { Setting } from './settings.ts'
export { createTenancy } from './tenancy.ts'
export type { Tenancy, TenancyOptions } from './tenancy.ts'
export type { TenantIdInput, TenantIdType } from './tenant-id.ts'
export type { OtherSettings, TenantInput } from './tenant-input.ts'
