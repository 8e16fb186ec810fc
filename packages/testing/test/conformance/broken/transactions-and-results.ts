import { TenantryError } from '@tenantry/core'
import type {
  ConformanceRow as Row,
  SubjectTransaction,
  TransactionOptions,
} from '../../../src/conformance/index.ts'
import { ReferenceCheckout } from '../reference-checkout.ts'
import type { Statement } from '../reference-checkout.ts'
import { ReferenceSubject } from '../reference-subject.ts'
import { brokenCheckout, brokenSubject } from './broken-subject.ts'
import type { BrokenSubject } from './broken-subject.ts'

/** Subjects whose transactions are none, or not quite. */
export const transactions: readonly BrokenSubject[] = [
  brokenSubject(
    'commits each statement of a transaction by itself',
    ['transactions', 'savepoints'],
    class extends ReferenceSubject {
      override async transaction<Result>(
        work: (transaction: SubjectTransaction) => Promise<Result>,
      ): Promise<Result> {
        const handle: SubjectTransaction = {
          query: (text, values) => this.query(text, values),
          transaction: (inner) => inner(handle),
        }
        return await work(handle)
      }
    },
  ),

  brokenSubject(
    'ignores isolation levels and read-only',
    ['transactions'],
    class extends ReferenceSubject {
      protected override beginText(_: TransactionOptions): string {
        return 'begin'
      }
    },
  ),

  brokenSubject(
    'hides the first error behind that of the rollback',
    ['transactions'],
    class extends ReferenceSubject {
      protected override async rollBack(checkout: ReferenceCheckout): Promise<void> {
        await checkout.query('rollback')
      }
    },
  ),

  brokenSubject(
    'commits instead of rolling back',
    ['transactions', 'system'],
    class extends ReferenceSubject {
      protected override async rollBack(checkout: ReferenceCheckout): Promise<void> {
        await checkout.query('commit').catch(() => undefined)
      }
    },
  ),

  brokenCheckout(
    'takes a failed COMMIT for a success',
    ['transactions'],
    class extends ReferenceCheckout {
      protected override async send(statement: Statement): Promise<Row[]> {
        const rows = super.send(statement)
        return await (statement.text === 'commit' ? rows.catch(() => []) : rows)
      }
    },
  ),

  brokenSubject(
    'has no savepoints in its nested transactions',
    ['savepoints'],
    class extends ReferenceSubject {
      protected override transactionHandle(checkout: ReferenceCheckout): SubjectTransaction {
        const handle: SubjectTransaction = {
          query: (text, values) => checkout.query(text, values),
          transaction: (work) => work(handle),
        }
        return handle
      }
    },
  ),

  brokenSubject(
    'lets BEGIN through as a statement of its own',
    ['poisoning'],
    class extends ReferenceSubject {
      protected override async execute(statement: Statement): Promise<Row[]> {
        const scope = this.requireScope()
        const client = await this.poolFor(scope).connect()
        try {
          return await this.makeCheckout(client, scope).run(statement)
        } finally {
          client.release()
        }
      }
    },
  ),
]

/** Subjects that mix up texts, plans, rows and errors. */
export const results: readonly BrokenSubject[] = [
  brokenSubject(
    'caches rows by their statement',
    ['reads', 'prepared'],
    class extends ReferenceSubject {
      readonly #rows = new Map<string, Row[]>()

      protected override async execute(statement: Statement): Promise<Row[]> {
        const key = JSON.stringify([statement.text, statement.values])
        const rows = this.#rows.get(key) ?? (await super.execute(statement))
        this.#rows.set(key, rows)
        return rows
      }
    },
  ),

  brokenSubject(
    'knows prepared statements by their name alone',
    ['prepared'],
    class extends ReferenceSubject {
      readonly #texts = new Map<string, string>()

      override async prepared(name: string, text: string, values: readonly unknown[]): Promise<Row[]> {
        const known = this.#texts.get(name) ?? text
        this.#texts.set(name, known)
        return await super.prepared(name, known, values)
      }
    },
  ),

  brokenSubject(
    'tries a prepared statement that failed again, without its scope',
    ['prepared'],
    class extends ReferenceSubject {
      override async prepared(name: string, text: string, values: readonly unknown[]): Promise<Row[]> {
        try {
          return await super.prepared(name, text, values)
        } catch {
          return await this.options.tenancy.withoutTenant(() => this.query(text, values))
        }
      }
    },
  ),

  brokenSubject(
    'remembers a name whose statement never came to be',
    ['prepared'],
    class extends ReferenceSubject {
      readonly #names = new Set<string>()

      override async prepared(name: string, text: string, values: readonly unknown[]): Promise<Row[]> {
        try {
          return await super.prepared(name, text, values)
        } catch (error) {
          if (this.#names.has(name)) throw Object.assign(new Error('no such statement'), { code: '26000' })
          this.#names.add(name)
          throw error
        }
      }
    },
  ),

  brokenCheckout(
    'cuts texts at their semicolons',
    ['hostile'],
    class extends ReferenceCheckout {
      protected override async wrapped(statement: Statement): Promise<Row[]> {
        let rows: Row[] = []
        for (const text of statement.text.split(';').filter((part) => part.trim() !== '')) {
          rows = await super.wrapped({ ...statement, text })
        }
        return rows
      }
    },
  ),

  brokenSubject(
    'writes bound values into its SQL',
    ['hostile'],
    class extends ReferenceSubject {
      override async query(text: string, values: readonly unknown[] = []): Promise<Row[]> {
        return await super.query(
          values.reduce<string>((sql, value, n) => sql.replace(`$${n + 1}`, `'${String(value)}'`), text),
        )
      }
    },
  ),

  brokenSubject(
    'swallows errors of the database',
    ['writes', 'blindWrites', 'lostConnections', 'poisoning', 'streams', 'prepared'],
    class extends ReferenceSubject {
      protected override async execute(statement: Statement): Promise<Row[]> {
        return await super.execute(statement).catch((error: unknown) => {
          if (TenantryError.isInstance(error)) throw error
          return []
        })
      }

      override async *stream(...given: Parameters<ReferenceSubject['stream']>): AsyncGenerator<Row> {
        try {
          yield* super.stream(...given)
        } catch (error) {
          if (TenantryError.isInstance(error)) throw error
        }
      }
    },
  ),

  brokenSubject(
    'never gives back the connection of a stream that was broken off',
    ['streams'],
    class extends ReferenceSubject {
      override async *stream(
        text: string,
        values: readonly unknown[],
        batchSize: number,
      ): AsyncGenerator<Row> {
        const checkout = await this.checkout()
        await checkout.query('begin')
        await checkout.query(`declare rows no scroll cursor for ${text}`, values)
        for (;;) {
          const rows = await checkout.query(`fetch ${batchSize} from rows`)
          if (rows.length === 0) break
          yield* rows
        }
        await checkout.query('commit')
        await checkout.release()
      }
    },
    true,
  ),

  brokenSubject(
    'lets the streams of everybody share a cursor',
    ['streams'],
    class extends ReferenceSubject {
      override async *stream(
        text: string,
        values: readonly unknown[],
        batchSize: number,
      ): AsyncGenerator<Row> {
        const name = `"rows of ${text.slice(0, 20)}"`
        const opened = await this.query('select from pg_cursors where name = $1::text', [name.slice(1, -1)])
        if (opened.length === 0) await this.query(`declare ${name} cursor with hold for ${text}`, values)
        for (;;) {
          const rows = await this.query(`fetch ${batchSize} from ${name}`)
          if (rows.length === 0) break
          yield* rows
        }
      }
    },
  ),
]
