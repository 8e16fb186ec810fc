import { TenantryError } from '@tenantry/core'
import type { Scope } from '@tenantry/core'
import { channel } from 'node:diagnostics_channel'
import pg from 'pg'
import type {
  ConformanceRow as Row,
  ConformanceSubject,
  OpenOptions,
  SubjectTransaction,
  TransactionOptions,
} from '../../src/conformance/index.ts'
import { ReferenceCheckout } from './reference-checkout.ts'
import type { Statement } from './reference-checkout.ts'

const CONTROL = /^\s*(begin|start|commit|end|rollback|abort|savepoint|release|prepare transaction)\b/i

const refusals = channel('tenantry:refused')

/** The error of a refusal, which is published first. */
function refused(code: TenantryError['code'], message: string, scope?: Scope): TenantryError {
  const error = new TenantryError({ code, message })
  refusals.publish({ code, error, scope })
  return error
}

/**
 * Tenancy the way it is usually done by hand: each statement in a transaction of its own, behind a `set_config`. It
 * passes the whole suite, at four round trips a statement. The broken subjects are this one with one thing done wrong.
 */
export class ReferenceSubject implements ConformanceSubject {
  protected readonly options: OpenOptions
  protected readonly application: pg.Pool
  protected readonly system: pg.Pool | undefined

  constructor(options: OpenOptions) {
    const { connectionString, systemConnectionString, max } = options
    this.options = options
    this.application = this.makePool(connectionString, max)
    this.system =
      systemConnectionString === undefined ? undefined : this.makePool(systemConnectionString, max)
  }

  async query(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return await this.execute({ text, values })
  }

  async prepared(name: string, text: string, values: readonly unknown[]): Promise<Row[]> {
    return await this.execute({ name, text, values })
  }

  callbackQuery(
    text: string,
    values: readonly unknown[],
    callback: (error: unknown, rows: Row[] | undefined) => void,
  ): void {
    const inScope = this.bindCallback(callback)
    this.query(text, values).then(
      (rows) => inScope(undefined, rows),
      (error: unknown) => inScope(error, undefined),
    )
  }

  async transaction<Result>(
    work: (transaction: SubjectTransaction) => Promise<Result>,
    options: TransactionOptions = {},
  ): Promise<Result> {
    const checkout = await this.checkout()
    try {
      await checkout.query(this.beginText(options))
      let result: Result
      try {
        result = await work(this.transactionHandle(checkout, 1))
      } catch (error) {
        await this.rollBack(checkout)
        throw error
      }
      await checkout.query('commit')
      return result
    } finally {
      await checkout.release()
    }
  }

  async *stream(text: string, values: readonly unknown[], batchSize: number): AsyncGenerator<Row> {
    const checkout = await this.checkout()
    try {
      await checkout.query('begin')
      await checkout.query(`declare rows no scroll cursor for ${text}`, values)
      for (;;) {
        const rows = await checkout.query(`fetch ${batchSize} from rows`)
        if (rows.length === 0) break
        yield* rows
      }
      await checkout.query('commit')
    } finally {
      // Inside its transaction, if it was broken off: the connection is closed.
      await checkout.release()
    }
  }

  async checkout(): Promise<ReferenceCheckout> {
    const scope = this.requireScope()
    return this.makeCheckout(await this.acquire(scope), scope)
  }

  counts(): { total: number; idle: number; waiting: number } {
    const { totalCount: total, idleCount: idle, waitingCount: waiting } = this.application
    return { total, idle, waiting }
  }

  async close(): Promise<void> {
    await Promise.all([this.application.end(), this.system?.end()])
  }

  /** One statement on a connection of its own. */
  protected async execute(statement: Statement): Promise<Row[]> {
    const scope = this.requireScope()
    if (CONTROL.test(statement.text)) {
      throw refused('TRANSACTION_CONTROL_REFUSED', `${statement.text} on a pool would begin or end nothing.`)
    }
    const checkout = this.makeCheckout(await this.acquire(scope), scope)
    try {
      return await checkout.run(statement)
    } finally {
      await checkout.release()
    }
  }

  protected makePool(connectionString: string, max: number): pg.Pool {
    const pool = new pg.Pool({ connectionString, max })
    pool.on('error', () => {})
    pool.on('connect', (client) => client.on('error', () => {}))
    return pool
  }

  protected async acquire(scope: Scope): Promise<pg.PoolClient> {
    return await this.poolFor(scope).connect()
  }

  protected makeCheckout(client: pg.PoolClient, scope: Scope): ReferenceCheckout {
    return new ReferenceCheckout(this.options.tenancy, client, scope)
  }

  protected requireScope(): Scope {
    const scope = this.options.tenancy.current()
    if (scope !== undefined) return scope
    throw refused('TENANT_REQUIRED', 'This statement has no tenant.')
  }

  protected poolFor(scope: Scope): pg.Pool {
    if (scope.kind !== 'system') return this.application
    if (this.system !== undefined) return this.system
    throw refused('SYSTEM_POOL_REQUIRED', 'There is no system pool.', scope)
  }

  protected bindCallback<Values extends unknown[]>(
    callback: (...values: Values) => void,
  ): (...values: Values) => void {
    return this.options.tenancy.bind(callback)
  }

  protected beginText({ isolation, readOnly }: TransactionOptions): string {
    return `begin${isolation === undefined ? '' : ` isolation level ${isolation}`}${readOnly === true ? ' read only' : ''}`
  }

  /** A failure here must not hide why the work is rolled back. */
  protected async rollBack(checkout: ReferenceCheckout): Promise<void> {
    await checkout.query('rollback').catch(() => undefined)
  }

  protected transactionHandle(checkout: ReferenceCheckout, depth: number): SubjectTransaction {
    return {
      query: (text, values) => checkout.query(text, values),
      transaction: async (work) => {
        await checkout.query(`savepoint nested_${depth}`)
        try {
          const result = await work(this.transactionHandle(checkout, depth + 1))
          await checkout.query(`release savepoint nested_${depth}`)
          return result
        } catch (error) {
          await checkout.query(`rollback to savepoint nested_${depth}`)
          throw error
        }
      },
    }
  }
}
