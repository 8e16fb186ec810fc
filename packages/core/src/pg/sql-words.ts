/** One statement of a text: the first words outside of quotes, comments and parentheses, in capitals. */
export interface StatementWords {
  readonly words: readonly string[]
}

// Enough for "COPY schema.table FROM", "CREATE UNIQUE INDEX CONCURRENTLY" and "ALTER TABLE a.b DETACH PARTITION c.d CONCURRENTLY".
const WORDS_KEPT = 12

const SPACE = /\s+/y
const LINE_COMMENT = /--[^\n]*/y
const QUOTED_IDENTIFIER = /"(?:[^"]|"")*("|$)/y
const PLAIN_STRING = /'(?:[^']|'')*('|$)/y
const ESCAPE_STRING = /[eE]'(?:[^'\\]|''|\\[\s\S])*('|$)/y
const DOLLAR_TAG = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y
const WORD = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y
const NUMBER = /\d[\w.]*/y

/** The end of the token that `pattern` matches at `position`, or `undefined`. */
function endOf(pattern: RegExp, text: string, position: number): number | undefined {
  pattern.lastIndex = position
  return pattern.test(text) ? pattern.lastIndex : undefined
}

/** The end of a block comment; they nest. https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-COMMENTS */
function endOfBlockComment(text: string, start: number): number {
  const edge = /\/\*|\*\//g
  edge.lastIndex = start
  let depth = 0
  for (let match = edge.exec(text); match !== null; match = edge.exec(text)) {
    depth += match[0] === '/*' ? 1 : -1
    if (depth === 0) return edge.lastIndex
  }
  return text.length
}

function endOfDollarString(text: string, tagEnd: number, tag: string): number {
  const close = text.indexOf(tag, tagEnd)
  return close === -1 ? text.length : close + tag.length
}

/** The end of whatever at `position` can hide a semicolon or a keyword, or `undefined`. */
function endOfOpaque(text: string, position: number): number | undefined {
  switch (text[position]) {
    case '-':
      return endOf(LINE_COMMENT, text, position)
    case '/':
      return text[position + 1] === '*' ? endOfBlockComment(text, position) : undefined
    case "'":
      return endOf(PLAIN_STRING, text, position)
    case '"':
      return endOf(QUOTED_IDENTIFIER, text, position)
    case 'e':
    case 'E':
      return endOf(ESCAPE_STRING, text, position)
    case '$': {
      const tagEnd = endOf(DOLLAR_TAG, text, position)
      return tagEnd === undefined ? undefined : endOfDollarString(text, tagEnd, text.slice(position, tagEnd))
    }
    default:
      return endOf(SPACE, text, position) ?? endOf(NUMBER, text, position)
  }
}

/**
 * Splits a text at its top-level semicolons, as the server will, assuming `standard_conforming_strings = on` (the
 * server's default since 9.1). Empty statements are left out.
 *
 * The body of a function written `BEGIN ATOMIC … END` has semicolons of its own.
 * https://www.postgresql.org/docs/current/sql-createfunction.html
 */
export function statementsOf(text: string): StatementWords[] {
  const statements: StatementWords[] = []
  let words: string[] = []
  let empty = true
  let parentheses = 0
  let body = 0
  let previous = ''

  for (let position = 0; position < text.length;) {
    const opaqueEnd = endOfOpaque(text, position)
    if (opaqueEnd !== undefined) {
      if (!/^(\s|--|\/\*)/.test(text.slice(position, position + 2))) empty = false
      position = opaqueEnd
      continue
    }
    const wordEnd = endOf(WORD, text, position)
    if (wordEnd !== undefined) {
      const word = text.slice(position, wordEnd).toUpperCase()
      empty = false
      if (parentheses === 0 && words.length < WORDS_KEPT) words.push(word)
      if (body > 0) body += word === 'CASE' ? 1 : word === 'END' ? -1 : 0
      else if (word === 'ATOMIC' && previous === 'BEGIN' && words[0] === 'CREATE') body = 1
      previous = word
      position = wordEnd
      continue
    }
    const character = text[position]
    if (character === ';' && parentheses === 0 && body === 0) {
      if (!empty) statements.push({ words })
      words = []
      empty = true
      previous = ''
    } else {
      empty = empty && character === ';'
      if (character === '(') parentheses += 1
      else if (character === ')') parentheses = Math.max(0, parentheses - 1)
    }
    position += 1
  }
  if (!empty) statements.push({ words })
  return statements
}
