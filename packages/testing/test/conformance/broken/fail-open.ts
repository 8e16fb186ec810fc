import type { Scope } from '@tenantry/core'
import { TenantryError } from '@tenantry/core'
import type pg from 'pg'
import type { ConformanceRow as Row } from '../../../src/conformance/index.ts'
import type { ReferenceCheckout, Statement } from '../reference-checkout.ts'
import { ReferenceSubject } from '../reference-subject.ts'
import { brokenSubject } from './broken-subject.ts'
import type { BrokenSubject } from './broken-subject.ts'

/** Subjects that give more rights than were asked for, or refuse too late. */
export const failOpen: readonly BrokenSubject[] = [
  brokenSubject(
    'takes no scope for no tenant',
    ['failsClosed', 'leftBehind'],
    class extends ReferenceSubject {
      protected override requireScope(): Scope {
        const { tenancy } = this.options
        return tenancy.current() ?? (tenancy.withoutTenant(() => tenancy.current()) as Scope)
      }
    },
  ),

  brokenSubject(
    'takes no scope for the one before',
    ['failsClosed'],
    class extends ReferenceSubject {
      #last: Scope | undefined

      protected override requireScope(): Scope {
        this.#last = this.options.tenancy.current() ?? this.#last ?? super.requireScope()
        return this.#last
      }
    },
  ),

  brokenSubject(
    'connects before it asks for whom',
    ['failsClosed'],
    class extends ReferenceSubject {
      protected override async execute(statement: Statement): Promise<Row[]> {
        ;(await this.application.connect()).release()
        return await super.execute(statement)
      }
    },
  ),

  brokenSubject(
    'loses a connection with each refusal',
    ['failsClosed'],
    class extends ReferenceSubject {
      protected override async execute(statement: Statement): Promise<Row[]> {
        if (this.options.tenancy.current() === undefined) await this.application.connect()
        return await super.execute(statement)
      }
    },
    true,
  ),

  brokenSubject(
    'tells a refusal to no callback',
    ['failsClosed'],
    class extends ReferenceSubject {
      override callbackQuery(
        ...[text, values, callback]: Parameters<ReferenceSubject['callbackQuery']>
      ): void {
        if (this.options.tenancy.current() !== undefined) super.callbackQuery(text, values, callback)
      }
    },
    true,
  ),

  brokenSubject(
    'uses the system pool for everybody',
    [
      'reads',
      'writes',
      'blindWrites',
      'failsClosed',
      'transactions',
      'savepoints',
      'nesting',
      'streams',
      'prepared',
      'system',
    ],
    class extends ReferenceSubject {
      protected override poolFor(): pg.Pool {
        return this.system ?? this.application
      }
    },
  ),

  brokenSubject(
    'reads all rows and filters them itself',
    ['reads', 'writes', 'failsClosed'],
    class extends ReferenceSubject {
      protected override poolFor(): pg.Pool {
        return this.system ?? this.application
      }

      protected override async execute(statement: Statement): Promise<Row[]> {
        const rows = await super.execute(statement)
        const scope = this.requireScope()
        return scope.kind === 'system'
          ? rows
          : rows.filter((row) => row['tenantId'] === scope.values['tenantId'])
      }
    },
  ),

  brokenSubject(
    'uses the application pool for the system',
    ['system'],
    class extends ReferenceSubject {
      protected override poolFor(): pg.Pool {
        return this.application
      }
    },
  ),

  brokenSubject(
    'gives system rights to whoever comes while the system is at work',
    ['system'],
    class extends ReferenceSubject {
      #elevated = 0

      override transaction<Result>(
        ...given: Parameters<typeof ReferenceSubject.prototype.transaction<Result>>
      ): Promise<Result> {
        return this.#countingSystem(() => super.transaction(...given))
      }

      protected override poolFor(scope: Scope): pg.Pool {
        return this.#elevated > 0 && this.system !== undefined ? this.system : super.poolFor(scope)
      }

      protected override execute(statement: Statement): Promise<Row[]> {
        return this.#countingSystem(() => super.execute(statement))
      }

      async #countingSystem<Result>(work: () => Promise<Result>): Promise<Result> {
        if (this.options.tenancy.current()?.kind !== 'system') return await work()
        this.#elevated += 1
        try {
          return await work()
        } finally {
          this.#elevated -= 1
        }
      }
    },
  ),

  brokenSubject(
    'takes system access on record for every statement',
    ['system'],
    class extends ReferenceSubject {
      protected override async execute(statement: Statement): Promise<Row[]> {
        const { tenancy } = this.options
        if (this.system !== undefined)
          await tenancy.asSystem('health check', () => super.execute({ text: 'select 1' }))
        return await super.execute(statement)
      }
    },
  ),

  brokenSubject(
    'keeps its refusals to itself',
    ['system'],
    class extends ReferenceSubject {
      protected override poolFor(scope: Scope): pg.Pool {
        if (scope.kind !== 'system' || this.system !== undefined) return super.poolFor(scope)
        throw new TenantryError({ code: 'SYSTEM_POOL_REQUIRED', message: 'There is no system pool.' })
      }
    },
  ),

  brokenSubject(
    'lets the tenant and the user through to the system',
    ['system'],
    class extends ReferenceSubject {
      #latest: Scope | undefined

      protected override makeCheckout(client: pg.PoolClient, scope: Scope): ReferenceCheckout {
        if (scope.kind === 'tenant') this.#latest = scope
        const values =
          scope.kind === 'system' && this.#latest !== undefined ? this.#latest.values : scope.values
        return super.makeCheckout(client, { ...scope, values })
      }
    },
  ),
]
