import type { Task } from '../dataset.ts'

/** The header with the tenant. Whoever asks here stands for a proxy that has checked it. */
export const tenantHeader = 'x-tenant-id'

/** What every application is asked for a task. */
export function requestFor({ tenantId, projectId }: Task): {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
} {
  return { path: `/projects/${projectId}/tasks`, headers: { [tenantHeader]: tenantId } }
}
