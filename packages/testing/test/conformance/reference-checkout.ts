import { TenantryError } from '@tenantry/core'
import type { Scope } from '@tenantry/core'
import type pg from 'pg'
import type { ConformanceRow as Row, ConformanceTenancy, HeldClient } from '../../src/conformance/index.ts'

/** One statement. */
export interface Statement {
  readonly text: string
  readonly values?: readonly unknown[]
  readonly name?: string
}

/** Statements that must not be wrapped into a transaction, or run before any other in theirs. */
const UNWRAPPED =
  /^\s*(begin|start|commit|end|rollback|abort|savepoint|release|discard|set\s+transaction|prepare\s+transaction)\b/i

/** What may drop the settings of the transaction. */
const DROPS_SETTINGS = /^\s*(begin|start|commit|end|rollback|abort|discard|set|reset)\b/i

const ENDS_FROM_ANYWHERE = /^\s*(rollback|abort)\s*;?\s*$/i

/** A connection held in one scope. */
export class ReferenceCheckout implements HeldClient {
  protected readonly tenancy: ConformanceTenancy
  protected readonly client: pg.PoolClient
  protected readonly scope: Scope
  /** Whether the settings hold in the transaction that is open. */
  protected applied = false
  #released = false
  #last: Promise<unknown> = Promise.resolve()

  constructor(tenancy: ConformanceTenancy, client: pg.PoolClient, scope: Scope) {
    this.tenancy = tenancy
    this.client = client
    this.scope = scope
  }

  async query(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return await this.run({ text, values })
  }

  /** Runs a statement after those that were sent before it. */
  async run(statement: Statement): Promise<Row[]> {
    this.assertHeld()
    this.assertOwnScope(statement)
    const rows = this.#last.then(() => this.runScoped(statement))
    this.#last = rows.catch(() => undefined)
    return await rows
  }

  /** Waits for what is under way; a connection that is inside a transaction then is closed. */
  async release(): Promise<void> {
    this.assertHeld()
    this.#released = true
    await this.drained()
    this.giveBack()
  }

  protected assertHeld(): void {
    if (this.#released)
      throw new TenantryError({ code: 'CLIENT_RELEASED', message: 'This client was released.' })
  }

  protected assertOwnScope({ text }: Statement): void {
    const current = this.tenancy.current()
    if (current === undefined || this.isSameScope(current) || ENDS_FROM_ANYWHERE.test(text)) return
    throw new TenantryError({ code: 'TENANT_MISMATCH', message: `This client is held by ${this.scope.key}.` })
  }

  protected isSameScope(current: Scope): boolean {
    return current.key === this.scope.key
  }

  protected async drained(): Promise<void> {
    await this.#last
  }

  protected giveBack(): void {
    this.client.release(this.inTransaction ? true : undefined)
  }

  protected get inTransaction(): boolean {
    return this.client.getTransactionStatus() !== 'I'
  }

  protected async runScoped(statement: Statement): Promise<Row[]> {
    if (UNWRAPPED.test(statement.text)) return await this.send(statement)
    if (this.inTransaction) {
      if (!this.applied) await this.applyScope()
      return await this.send(statement)
    }
    return await this.wrapped(statement)
  }

  /** The statement in a transaction of its own. */
  protected async wrapped(statement: Statement): Promise<Row[]> {
    await this.send({ text: 'begin' })
    try {
      await this.applyScope()
      const rows = await this.send(statement)
      await this.send({ text: 'commit' })
      return rows
    } catch (error) {
      await this.send({ text: 'rollback' }).catch(() => undefined)
      throw error
    }
  }

  protected preludeValues(): Readonly<Record<string, string>> {
    return this.scope.values
  }

  /** The prelude: every declared setting, `''` for those that the scope lacks. */
  protected async applyScope(): Promise<void> {
    const { settings } = this.tenancy
    const calls = settings.map((_, index) => `set_config($${2 * index + 1}, $${2 * index + 2}, true)`)
    const scopeValues = this.preludeValues()
    const values = settings.flatMap(({ key, parameter }) => [parameter, scopeValues[key] ?? ''])
    await this.client.query(`select ${calls.join(', ')}`, values)
    this.applied = true
  }

  protected async send({ name, text, values = [] }: Statement): Promise<Row[]> {
    if (DROPS_SETTINGS.test(text)) this.applied = false
    const result: unknown = await this.client.query({
      ...(name !== undefined && { name }),
      text,
      values: [...values],
    })
    return [result as pg.QueryResult<Row>].flat().flatMap(({ rows }) => rows)
  }
}
