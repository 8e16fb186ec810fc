import type { SentMessage } from './wire-tap.ts'

const STATEMENT_OR_PORTAL = 1

/** A message of a client in words: what it is, and which statement or text it is about. */
export function nameOfMessage({ type, body }: SentMessage): string {
  const [first = '', second = ''] = body.split('\0')
  switch (type) {
    case 'P':
      return `Parse ${first || 'unnamed'}`
    case 'B':
      return `Bind ${second || 'unnamed'}`
    case 'C':
      return `Close ${first.slice(STATEMENT_OR_PORTAL) || 'unnamed'}`
    case 'Q':
      return `Query ${first}`
    case 'D':
      return 'Describe'
    case 'E':
      return 'Execute'
    case 'S':
      return 'Sync'
    default:
      return type
  }
}
