import type { ConformanceGroup } from '../group.ts'
import { blindWrites } from './blind-writes.ts'
import { failsClosed } from './fails-closed.ts'
import { hostileValues } from './hostile-values.ts'
import { leftBehind } from './left-behind.ts'
import { lostConnections } from './lost-connections.ts'
import { nesting } from './nesting.ts'
import { poisoning } from './poisoning.ts'
import { poolContention } from './pool-contention.ts'
import { preparedStatements } from './prepared-statements.ts'
import { reads } from './reads.ts'
import { savepoints } from './savepoints.ts'
import { streams } from './streams.ts'
import { systemAccess } from './system-access.ts'
import { transactions } from './transactions.ts'
import { writes } from './writes.ts'

/** Everything that an adapter must pass. */
export const groups: readonly ConformanceGroup[] = [
  reads,
  writes,
  blindWrites,
  failsClosed,
  transactions,
  savepoints,
  nesting,
  poolContention,
  lostConnections,
  poisoning,
  streams,
  preparedStatements,
  hostileValues,
  systemAccess,
  leftBehind,
]
