import type pg from 'pg'
import type { ConformanceRow as Row } from '../../../src/conformance/index.ts'
import { ReferenceCheckout } from '../reference-checkout.ts'
import type { Statement } from '../reference-checkout.ts'
import { brokenCheckout } from './broken-subject.ts'
import type { BrokenSubject } from './broken-subject.ts'

const scopedClients = new WeakSet<pg.PoolClient>()

/** Subjects whose prelude is wrong, or in the wrong place. */
export const preludes: readonly BrokenSubject[] = [
  brokenCheckout(
    'sends the prelude as a statement of its own, outside of a transaction',
    ['reads', 'writes', 'blindWrites', 'prepared'],
    class extends ReferenceCheckout {
      protected override async wrapped(statement: Statement): Promise<Row[]> {
        await this.applyScope()
        return await this.send(statement)
      }
    },
  ),

  brokenCheckout(
    'sets the tenant for the session, and resets it for nobody',
    ['failsClosed', 'leftBehind', 'nesting', 'system'],
    class extends ReferenceCheckout {
      protected override async applyScope(): Promise<void> {
        for (const { key, parameter } of this.tenancy.settings) {
          const value = this.scope.values[key]
          if (value === undefined) continue
          await this.client.query('select set_config($1, $2, false)', [parameter, value])
        }
        this.applied = true
      }
    },
  ),

  brokenCheckout(
    'sets every setting, but for the session',
    ['leftBehind'],
    class extends ReferenceCheckout {
      protected override async runScoped(statement: Statement): Promise<Row[]> {
        for (const { key, parameter } of this.inTransaction ? [] : this.tenancy.settings) {
          await this.client.query('select set_config($1, $2, false)', [
            parameter,
            this.scope.values[key] ?? '',
          ])
        }
        return await this.send(statement)
      }
    },
  ),

  brokenCheckout(
    'sends only the settings that the scope has',
    ['leftBehind'],
    class extends ReferenceCheckout {
      protected override async applyScope(): Promise<void> {
        for (const { key, parameter } of this.tenancy.settings) {
          const value = this.scope.values[key]
          if (value === undefined) continue
          await this.client.query('select set_config($1, $2, true)', [parameter, value])
        }
        this.applied = true
      }
    },
  ),

  brokenCheckout(
    'writes the values of settings into its SQL',
    ['hostile'],
    class extends ReferenceCheckout {
      protected override async applyScope(): Promise<void> {
        for (const { key, parameter } of this.tenancy.settings) {
          await this.client.query(`set local ${parameter} = '${this.scope.values[key] ?? ''}'`)
        }
        this.applied = true
      }
    },
  ),

  brokenCheckout(
    'tidies the values of settings',
    ['hostile'],
    class extends ReferenceCheckout {
      protected override preludeValues(): Readonly<Record<string, string>> {
        const tidied = Object.entries(super.preludeValues()).map(([key, value]) => [
          key,
          value.trim().normalize().toLowerCase(),
        ])
        return Object.fromEntries(tidied) as Record<string, string>
      }
    },
  ),

  brokenCheckout(
    'sends the prelude right behind BEGIN',
    ['transactions'],
    class extends ReferenceCheckout {
      protected override async send(statement: Statement): Promise<Row[]> {
        const rows = await super.send(statement)
        if (/^(begin|start)/.test(statement.text)) await this.applyScope()
        return rows
      }
    },
  ),

  brokenCheckout(
    'sends the prelude once a transaction, whatever drops it',
    ['transactions', 'savepoints'],
    class extends ReferenceCheckout {
      protected override async send(statement: Statement): Promise<Row[]> {
        const applied = this.applied
        const rows = await super.send(statement)
        if (!/^(begin|start)/.test(statement.text)) this.applied = applied
        return rows
      }
    },
  ),

  brokenCheckout(
    'sends the prelude once a connection',
    ['reads', 'transactions', 'savepoints', 'streams', 'prepared'],
    class extends ReferenceCheckout {
      protected override async applyScope(): Promise<void> {
        if (scopedClients.has(this.client)) return
        scopedClients.add(this.client)
        await super.applyScope()
      }
    },
  ),
]
