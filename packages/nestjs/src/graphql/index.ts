export { tenantSubscriptions } from './tenant-subscriptions.ts'
export type {
  ConnectionAnswer,
  SubscriptionConnection,
  TenantSubscriptions,
  TenantSubscriptionsOptions,
} from './tenant-subscriptions.ts'
