import type { Scope } from '@tenantry/core'
import { AsyncLocalStorage } from 'node:async_hooks'
import type pg from 'pg'
import type {
  ConformanceRow as Row,
  SubjectTransaction,
  TransactionOptions,
} from '../../../src/conformance/index.ts'
import type { ReferenceCheckout } from '../reference-checkout.ts'
import type { Statement } from '../reference-checkout.ts'
import { ReferenceSubject } from '../reference-subject.ts'
import { brokenSubject } from './broken-subject.ts'
import type { BrokenSubject } from './broken-subject.ts'

/** Subjects that find out too late, or in the wrong place, whose work it is. */
export const scopeCapture: readonly BrokenSubject[] = [
  brokenSubject(
    'reads the scope when it is handed a connection, in the context of whoever gave that back',
    ['contention', 'system'],
    class extends ReferenceSubject {
      override checkout(): Promise<ReferenceCheckout> {
        return this.#acquire(this.requireScope())
      }

      protected override async execute(statement: Statement): Promise<Row[]> {
        const checkout = await this.#acquire(this.requireScope())
        try {
          return await checkout.run(statement)
        } finally {
          await checkout.release()
        }
      }

      #acquire(scope: Scope): Promise<ReferenceCheckout> {
        return new Promise((resolve, reject) => {
          this.poolFor(scope).connect((error, client) => {
            if (client === undefined) reject(error)
            else resolve(this.makeCheckout(client, this.options.tenancy.current() ?? scope))
          })
        })
      }
    },
  ),

  brokenSubject(
    'keeps the current scope in one variable for everybody',
    ['transactions', 'nesting', 'streams'],
    class extends ReferenceSubject {
      #latest: Scope | undefined

      protected override requireScope(): Scope {
        this.#latest = super.requireScope()
        return this.#latest
      }

      protected override makeCheckout(
        ...[client, scope]: Parameters<ReferenceSubject['makeCheckout']>
      ): ReferenceCheckout {
        return super.makeCheckout(client, this.#latest ?? scope)
      }
    },
  ),

  brokenSubject(
    'calls back in the context of whoever opened the first connection',
    ['contention'],
    class extends ReferenceSubject {
      #opener: ReturnType<typeof AsyncLocalStorage.snapshot> | undefined

      protected override makePool(connectionString: string, max: number): pg.Pool {
        const pool = super.makePool(connectionString, max)
        pool.once('connect', () => {
          this.#opener ??= AsyncLocalStorage.snapshot()
        })
        return pool
      }

      protected override bindCallback<Values extends unknown[]>(
        callback: (...values: Values) => void,
      ): (...values: Values) => void {
        return (...values) => (this.#opener ?? AsyncLocalStorage.snapshot())(() => callback(...values))
      }
    },
  ),

  brokenSubject(
    'runs whatever is asked inside a transaction on that transaction, whoever asks',
    ['nesting'],
    class extends ReferenceSubject {
      readonly #current = new AsyncLocalStorage<SubjectTransaction>()

      override async transaction<Result>(
        work: (transaction: SubjectTransaction) => Promise<Result>,
        options?: TransactionOptions,
      ): Promise<Result> {
        const outer = this.#current.getStore()
        if (outer !== undefined) return await work(outer)
        return await super.transaction(
          (transaction) => this.#current.run(transaction, () => work(transaction)),
          options,
        )
      }

      protected override async execute(statement: Statement): Promise<Row[]> {
        const outer = this.#current.getStore()
        if (outer === undefined) return await super.execute(statement)
        return await outer.query(statement.text, statement.values)
      }
    },
  ),

  brokenSubject(
    'opens more connections than it may',
    ['contention'],
    class extends ReferenceSubject {
      protected override makePool(connectionString: string, max: number): pg.Pool {
        return super.makePool(connectionString, max + 2)
      }
    },
  ),
]
