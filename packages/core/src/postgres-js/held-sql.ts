import { refused } from '../events.ts'
import { refuseOtherScope } from '../pg/refusals.ts'
import { statementKind } from '../pg/statement-kind.ts'
import type { Scope } from '../scope.ts'
import type { Tenancy } from '../tenancy.ts'
import type { Connections } from './connections.ts'
import type { Hold } from './hold.ts'
import { knownText } from './pending-query.ts'
import type { PendingQuery } from './pending-query.ts'
import { refuseFinished, refuseSecondRelease } from './refusals.ts'
import type { Gate, SqlFunction } from './scoped-sql.ts'
import { scopedSql } from './scoped-sql.ts'

/**
 * Lets queries through to one connection, held for one scope. A query made or sent in no scope at all runs as the hold:
 * contexts get lost in callbacks. A rollback is allowed from anywhere.
 */
export class HeldGate implements Gate {
  readonly tenancy: Tenancy
  readonly #connections: Connections
  readonly #hold: Hold
  readonly #what: 'transaction' | 'reserved connection'
  #over = false

  constructor(
    tenancy: Tenancy,
    connections: Connections,
    hold: Hold,
    what: 'transaction' | 'reserved connection',
  ) {
    this.tenancy = tenancy
    this.#connections = connections
    this.#hold = hold
    this.#what = what
  }

  get isOver(): boolean {
    return this.#over
  }

  /** From now on nothing gets through: the connection will go to somebody else. */
  shut(): void {
    this.#over = true
  }

  submit(query: PendingQuery, made: Scope | undefined, current: Scope | undefined): void {
    const { lease } = this.#hold
    if (this.#over) throw refused(refuseFinished(this.#what), current)
    for (const scope of [made, current]) {
      if (scope === undefined || scope === lease.scope || scope.key === lease.scope.key) continue
      if (statementKind(knownText(query) ?? '') !== 'rollback') {
        throw refused(refuseOtherScope(lease.scope, scope), scope)
      }
    }
    this.#hold.run(this.#connections.execution(query, lease, true))
  }
}

/** Takes a connection out of the pool until its `release()`. */
export function reservedSql(tenancy: Tenancy, connections: Connections, hold: Hold): SqlFunction {
  const gate = new HeldGate(tenancy, connections, hold, 'reserved connection')
  return Object.assign(scopedSql(connections, gate), {
    release(): Promise<void> {
      if (gate.isOver) throw refused(refuseSecondRelease(), tenancy.current())
      gate.shut()
      return hold.release()
    },
  })
}
