import { AsyncLocalStorage } from 'node:async_hooks'
import type { AuthenticatedRequest } from '../access/access-guard.ts'

/** The request that is being handled, for what is told of it by a diagnostics channel. */
export const currentRequest = new AsyncLocalStorage<AuthenticatedRequest>()
