import { TenantryError } from '@tenantry/core'

/** The {@link TenantryError} that something ends with. */
export async function refusal(work: Promise<unknown>): Promise<TenantryError> {
  const error = await work.then(
    () => new Error('it was not refused'),
    (reason: unknown) => reason,
  )
  if (TenantryError.isInstance(error)) return error
  throw error
}
