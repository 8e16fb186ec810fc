import type { ContentfulStatusCode } from 'hono/utils/http-status'

/** What a client did wrong, or cannot have: its answer has the status and the message. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly status: ContentfulStatusCode
  readonly details: readonly string[]

  constructor(status: ContentfulStatusCode, message: string, details: readonly string[] = []) {
    super(message)
    this.status = status
    this.details = details
  }
}

/** What an error is to a client. Everything that is no fault of the client's stays inside: undefined. */
export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error
  const { code, constraint } = error as { code?: unknown; constraint?: unknown }
  if (code === '23505' && constraint === 'projects_name_key')
    return new Problem(409, 'A project has this name already.')
  // Also for a project of another company: there is no telling which.
  if (code === '23503' && constraint === 'tasks_project_fkey')
    return new Problem(404, 'There is no such project.')
  return undefined
}
