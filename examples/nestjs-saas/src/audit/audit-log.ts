import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common'
import { InjectRepository } from '@nestjs/typeorm'
import type { SystemEvent } from '@tenantry/core'
import type { Repository } from 'typeorm'
import { tenancy } from '../tenancy.ts'
import { AuditEntry } from './audit-entry.entity.ts'
import { currentRequest } from './current-request.ts'

/** Writes down who crosses tenants, and why: every use of the system role, whichever code makes it, is published there. */
@Injectable()
export class AuditLog implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #entries: Repository<AuditEntry>
  readonly #logger = new Logger('Audit')
  readonly #written = new WeakMap<object, Promise<void>>()

  constructor(@InjectRepository(AuditEntry) entries: Repository<AuditEntry>) {
    this.#entries = entries
  }

  onApplicationBootstrap(): void {
    subscribe('tenantry:system', this.#listener)
  }

  onApplicationShutdown(): void {
    unsubscribe('tenantry:system', this.#listener)
  }

  /**
   * Waits for the entry about the present scope, if it crosses tenants: nobody reads across them without one.
   *
   * @throws what writing it has failed with
   */
  async written(): Promise<void> {
    const scope = tenancy.current()
    if (scope?.kind !== 'system') return
    const writing = this.#written.get(scope)
    if (writing === undefined) throw new Error(`Nothing has written down ${JSON.stringify(scope.reason)}.`)
    await writing
  }

  readonly #listener = (message: unknown): void => {
    const { reason, scope } = message as SystemEvent
    const request = currentRequest.getStore()
    const entry = {
      reason,
      operator: request?.operator ?? null,
      request: request === undefined ? null : `${request.method} ${request.path}`,
    }
    this.#logger.warn(`Across tenants: ${JSON.stringify(entry)}`)
    const writing = this.#write(entry)
    // An answer waits for it in written(); work that no request asked for has the line of the log.
    writing.catch((error: unknown) => this.#logger.error('An entry could not be written.', error))
    this.#written.set(scope, writing)
  }

  async #write(entry: Omit<AuditEntry, 'id' | 'at'>): Promise<void> {
    await tenancy.withoutTenant(() =>
      // Without RETURNING, for whoever writes the log may not read it.
      this.#entries.createQueryBuilder().insert().values(entry).updateEntity(false).execute(),
    )
  }
}
