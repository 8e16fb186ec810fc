/** A piece of SQL that is read in one way. */
export interface SqlPart {
  readonly kind: 'code' | 'string' | 'escape string' | 'dollar string' | 'identifier' | 'comment'
  readonly text: string
}

const parts: readonly (readonly [Exclude<SqlPart['kind'], 'code'>, RegExp])[] = [
  ['comment', /--[^\n]*/y],
  ['escape string', /(?<![\w$\u0080-\uffff])[eE]'(?:[^'\\]|\\.|'')*'/sy],
  ['string', /'(?:[^']|'')*'/y],
  ['identifier', /"(?:[^"]|"")*"/y],
  ['dollar string', /(?<![\w$\u0080-\uffff])(\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$).*?\1/sy],
]

/** Takes SQL apart, so that what holds for code is not done to what stands between quotes. Joined again it is the same text. */
export function sqlParts(sql: string): readonly SqlPart[] {
  const found: SqlPart[] = []
  let code = ''
  for (let at = 0; at < sql.length;) {
    const part = partAt(sql, at)
    if (part) {
      if (code !== '') found.push({ kind: 'code', text: code })
      found.push(part)
      code = ''
      at += part.text.length
    } else {
      code += sql[at] ?? ''
      at += 1
    }
  }
  return code === '' ? found : [...found, { kind: 'code', text: code }]
}

function partAt(sql: string, at: number): SqlPart | undefined {
  const nested = blockComment(sql, at)
  if (nested !== undefined) return { kind: 'comment', text: nested }
  for (const [kind, pattern] of parts) {
    pattern.lastIndex = at
    const text = pattern.exec(sql)?.[0]
    if (text !== undefined) return { kind, text }
  }
  return undefined
}

/** PostgreSQL's block comments nest. */
function blockComment(sql: string, at: number): string | undefined {
  if (!sql.startsWith('/*', at)) return undefined
  let depth = 0
  const marks = /\/\*|\*\//g
  marks.lastIndex = at
  for (let mark = marks.exec(sql); mark; mark = marks.exec(sql)) {
    depth += mark[0] === '/*' ? 1 : -1
    if (depth === 0) return sql.slice(at, marks.lastIndex)
  }
  return sql.slice(at)
}
