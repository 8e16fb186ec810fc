import { channel } from 'node:diagnostics_channel'

/** Published on `tenantry:prepare-disabled` when a pool stops naming statements (see the `prepare` option). */
export interface PrepareDisabledEvent {
  /** The error that showed that names do not stay with the connection. */
  readonly cause: Error
}

const prepareDisabledChannel = channel('tenantry:prepare-disabled')

export function publishPrepareDisabled(event: PrepareDisabledEvent): void {
  if (prepareDisabledChannel.hasSubscribers) prepareDisabledChannel.publish(event)
}
