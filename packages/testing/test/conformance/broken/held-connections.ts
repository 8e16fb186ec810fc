import type { Scope } from '@tenantry/core'
import { TenantryError } from '@tenantry/core'
import type pg from 'pg'
import type { ConformanceRow as Row } from '../../../src/conformance/index.ts'
import { ReferenceCheckout } from '../reference-checkout.ts'
import type { Statement } from '../reference-checkout.ts'
import { ReferenceSubject } from '../reference-subject.ts'
import { brokenCheckout, brokenSubject } from './broken-subject.ts'
import type { BrokenSubject } from './broken-subject.ts'

const holders = new WeakMap<pg.PoolClient, Scope>()

const mismatch = (): TenantryError =>
  new TenantryError({ code: 'TENANT_MISMATCH', message: 'Held by another.' })

/** Subjects that are careless with connections while they are held, and when they are given back. */
export const heldConnections: readonly BrokenSubject[] = [
  brokenCheckout(
    'does not compare scopes',
    ['nesting'],
    class extends ReferenceCheckout {
      protected override assertOwnScope(): void {}
    },
  ),

  brokenCheckout(
    'compares the tenant, but not the kind of scope',
    ['nesting'],
    class extends ReferenceCheckout {
      protected override isSameScope(current: Scope): boolean {
        return current.kind !== 'tenant' || super.isSameScope(current)
      }
    },
  ),

  brokenCheckout(
    'compares the tenant, but no other setting',
    ['nesting'],
    class extends ReferenceCheckout {
      protected override isSameScope(current: Scope): boolean {
        return (
          current.kind === this.scope.kind && current.values['tenantId'] === this.scope.values['tenantId']
        )
      }
    },
  ),

  brokenCheckout(
    'takes the same tenant, entered again, for another',
    ['nesting'],
    class extends ReferenceCheckout {
      protected override isSameScope(current: Scope): boolean {
        return current === this.scope
      }
    },
  ),

  brokenCheckout(
    'refuses statements whose context got lost',
    ['nesting'],
    class extends ReferenceCheckout {
      protected override assertOwnScope(statement: Statement): void {
        if (this.tenancy.current() === undefined) throw mismatch()
        super.assertOwnScope(statement)
      }
    },
  ),

  brokenCheckout(
    'refuses a rollback from elsewhere',
    ['nesting'],
    class extends ReferenceCheckout {
      protected override assertOwnScope(): void {
        const current = this.tenancy.current()
        if (current !== undefined && !this.isSameScope(current)) throw mismatch()
      }
    },
  ),

  brokenCheckout(
    'lets everybody end the transaction',
    ['nesting'],
    class extends ReferenceCheckout {
      protected override assertOwnScope(statement: Statement): void {
        if (!/^(commit|begin)/.test(statement.text)) super.assertOwnScope(statement)
      }
    },
  ),

  brokenCheckout(
    'gives connections back at once, whatever is under way',
    ['poisoning', 'leftBehind'],
    class extends ReferenceCheckout {
      protected override async drained(): Promise<void> {}

      protected override giveBack(): void {
        this.client.release()
      }
    },
  ),

  brokenCheckout(
    'looks whose connection it is only when a statement’s turn has come',
    ['poisoning'],
    class extends ReferenceCheckout {
      constructor(...given: ConstructorParameters<typeof ReferenceCheckout>) {
        super(...given)
        holders.set(this.client, this.scope)
      }

      protected override preludeValues(): Readonly<Record<string, string>> {
        return (holders.get(this.client) ?? this.scope).values
      }

      protected override async drained(): Promise<void> {}

      protected override giveBack(): void {
        this.client.release()
      }
    },
  ),

  brokenCheckout(
    'gives connections back inside a transaction',
    ['poisoning', 'leftBehind', 'streams'],
    class extends ReferenceCheckout {
      protected override giveBack(): void {
        this.client.release()
      }
    },
  ),

  brokenCheckout(
    'gives back whoever’s connection it is on a second release',
    ['poisoning'],
    class extends ReferenceCheckout {
      override async release(): Promise<void> {
        await super.release().catch(() => this.giveBack())
      }
    },
  ),

  brokenCheckout(
    'lets a handle act after its release',
    ['poisoning'],
    class extends ReferenceCheckout {
      protected override assertHeld(): void {}
    },
  ),

  brokenCheckout(
    'keeps a connection on which a statement failed',
    ['contention'],
    class extends ReferenceCheckout {
      #failed = false

      override async run(statement: Statement): Promise<Row[]> {
        try {
          return await super.run(statement)
        } catch (error) {
          this.#failed = true
          throw error
        }
      }

      protected override giveBack(): void {
        if (!this.#failed) super.giveBack()
      }
    },
    true,
  ),

  brokenSubject(
    'forgets to roll back',
    ['lostConnections', 'poisoning'],
    class extends ReferenceSubject {
      protected override async rollBack(): Promise<void> {}

      protected override makeCheckout(
        ...[client, scope]: Parameters<ReferenceSubject['makeCheckout']>
      ): ReferenceCheckout {
        return new (class extends ReferenceCheckout {
          protected override giveBack(): void {
            this.client.release()
          }
        })(this.options.tenancy, client, scope)
      }
    },
  ),

  brokenSubject(
    'holds on to its connections, and never looks whether they are alive',
    ['lostConnections', 'streams'],
    class extends ReferenceSubject {
      readonly #kept = new Map<pg.Pool, pg.PoolClient>()

      override counts(): { total: number; idle: number; waiting: number } {
        return { total: 1, idle: 1, waiting: 0 }
      }

      override async close(): Promise<void> {
        for (const client of this.#kept.values()) client.release(true)
        await super.close()
      }

      protected override async acquire(scope: Scope): Promise<pg.PoolClient> {
        const pool = this.poolFor(scope)
        const client = this.#kept.get(pool) ?? (await pool.connect())
        this.#kept.set(pool, client)
        return client
      }

      protected override makeCheckout(
        ...[client, scope]: Parameters<ReferenceSubject['makeCheckout']>
      ): ReferenceCheckout {
        return new (class extends ReferenceCheckout {
          protected override giveBack(): void {}
        })(this.options.tenancy, client, scope)
      }
    },
  ),
]
