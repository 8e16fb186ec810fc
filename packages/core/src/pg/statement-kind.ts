import { statementsOf } from './sql-words.ts'

/**
 * What a text is to the checkout hook:
 * - `data`: reads or writes rows, and keeps its shape: may be prepared
 * - `other`: anything else that needs the scope
 * - `begin`, `commit`, `rollback`, `release`: transaction control, for which no scope is needed
 * - `savepoint`: control that must come after the prelude, or ROLLBACK TO would undo it
 * - `set`: SET, RESET and LOCK: must stay the first of a transaction where the user wants them to be
 * - `untransacted`: cannot run in a transaction, so not with a prelude either
 * - `copy-in`, `copy-out`: COPY FROM and COPY TO
 * - `control`: several statements, all transaction control
 * - `several`: several statements, none of which ends or starts a transaction
 * - `mixed`: several statements, some of which do
 */
export type StatementKind =
  | 'data'
  | 'other'
  | 'begin'
  | 'commit'
  | 'rollback'
  | 'savepoint'
  | 'release'
  | 'set'
  | 'untransacted'
  | 'copy-in'
  | 'copy-out'
  | 'control'
  | 'several'
  | 'mixed'

const DATA = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE', 'WITH', 'VALUES', 'TABLE'])

// LOCK is among these because the prelude takes a snapshot: LOCK TABLE first, then read, would read a state from
// before the lock. https://www.postgresql.org/docs/current/applevel-consistency.html#NON-SERIALIZABLE-CONSISTENCY
const SET = new Set(['SET', 'RESET', 'LOCK'])

const CONTROL: ReadonlyMap<string, StatementKind> = new Map([
  ['BEGIN', 'begin'],
  ['START', 'begin'],
  ['COMMIT', 'commit'],
  ['END', 'commit'],
  ['ROLLBACK', 'rollback'],
  ['ABORT', 'rollback'],
  ['SAVEPOINT', 'savepoint'],
  ['RELEASE', 'release'],
])

const controlKinds: ReadonlySet<StatementKind> = new Set<StatementKind>([
  'begin',
  'commit',
  'rollback',
  'savepoint',
  'release',
  'control',
])

/** Whether it is nothing but transaction control. */
export function isTransactionControl(kind: StatementKind): boolean {
  return controlKinds.has(kind)
}

/** Whether the server refuses it in a transaction block, as the manual page of each says. */
function isUntransacted(words: readonly string[]): boolean {
  const [first, second, third] = words
  switch (first) {
    case 'VACUUM':
    case 'CLUSTER':
    case 'CHECKPOINT':
      return true
    case 'REINDEX':
      return words.includes('CONCURRENTLY') || ['DATABASE', 'SYSTEM', 'SCHEMA'].includes(second ?? '')
    case 'CREATE':
    case 'DROP':
      return (
        ['DATABASE', 'TABLESPACE', 'SUBSCRIPTION'].includes(second ?? '') ||
        (words.includes('INDEX') && words.includes('CONCURRENTLY'))
      )
    case 'ALTER':
      return (
        ['SYSTEM', 'DATABASE', 'SUBSCRIPTION'].includes(second ?? '') ||
        (words.includes('DETACH') && words.includes('CONCURRENTLY'))
      )
    case 'DISCARD':
      return second === 'ALL'
    case 'COMMIT':
    case 'ROLLBACK':
      return second === 'PREPARED' && third === undefined
    default:
      return false
  }
}

function kindOfOne(words: readonly string[]): StatementKind {
  const first = words[0] ?? ''
  if (DATA.has(first)) return 'data'
  if (isUntransacted(words)) return 'untransacted'
  if (first === 'PREPARE' && words[1] === 'TRANSACTION') return 'commit'
  if (SET.has(first)) return 'set'
  if (first === 'COPY')
    return words.find((word) => word === 'FROM' || word === 'TO') === 'FROM' ? 'copy-in' : 'copy-out'
  return CONTROL.get(first) ?? 'other'
}

const PLAIN_DATA = /^\s*(?:select|insert|update|delete|with|merge|values)\b/i
const TRAILING_SEMICOLON = /;\s*$/

// Texts that need the lexer are few and repeat: migrations, transaction control, what an ORM sends at start.
const known = new Map<string, StatementKind>()
const KNOWN_LIMIT = 500
const KNOWN_TEXT_LIMIT = 2_000

/** Classifies a text by its keywords, without parsing it. */
export function statementKind(text: string): StatementKind {
  if (PLAIN_DATA.test(text)) {
    const semicolon = text.indexOf(';')
    if (semicolon === -1 || TRAILING_SEMICOLON.test(text.slice(semicolon))) return 'data'
  }
  const remembered = known.get(text)
  if (remembered !== undefined) return remembered
  const kind = kindOfText(text)
  if (text.length <= KNOWN_TEXT_LIMIT) {
    if (known.size >= KNOWN_LIMIT) known.clear()
    known.set(text, kind)
  }
  return kind
}

function kindOfText(text: string): StatementKind {
  const kinds = statementsOf(text).map((statement) => kindOfOne(statement.words))
  const [only] = kinds
  if (only === undefined) return 'other'
  if (kinds.length === 1) return only
  if (kinds.every((kind) => isTransactionControl(kind) || kind === 'set')) {
    return kinds.some(isTransactionControl) ? 'control' : 'set'
  }
  if (kinds.some(isTransactionControl)) return 'mixed'
  return kinds.find((kind) => kind === 'copy-in' || kind === 'copy-out') ?? 'several'
}
