/** A code block of a page, and what its info string and its comments say of it. */
export interface Block {
  /** The page, as in `docs/concepts.md`. */
  readonly page: string
  /** The line of its first line of code. */
  readonly line: number
  readonly language: 'ts' | 'js' | 'sql'
  /** The words after the language: `ts database.ts no-run`, `sql as owner`. */
  readonly words: readonly string[]
  readonly code: string
}

const LANGUAGES = new Set(['ts', 'js', 'sql'])
const FENCE = /^ *(`{3,})(\w*)[ \t]*([^\n]*)\n([\s\S]*?)^ *\1[ \t]*$/gm

/** The code blocks of a page in languages that can be run. */
export function blocksOf(page: string, markdown: string): Block[] {
  return [...markdown.matchAll(FENCE)].flatMap((match) => {
    const [, , language = '', info = '', code = ''] = match
    if (!LANGUAGES.has(language)) return []
    const line = markdown.slice(0, match.index).split('\n').length + 1
    return [
      { page, line, language: language as Block['language'], words: info.split(/\s+/).filter(Boolean), code },
    ]
  })
}

/** Whether it is there to be read, and in TypeScript to be type-checked, only. */
export function isForReading(block: Block): boolean {
  return block.words.includes('no-run')
}

/** The name under which other blocks of the page import it: that in its info string, or one of its own. */
export function fileNameOf(block: Block): string {
  return (
    block.words.find((word) => word.endsWith(`.${block.language}`)) ?? `line-${block.line}.${block.language}`
  )
}

const OUTPUT = /\/\/ => (.*(?:\n[ \t]*\/\/ {2,}.*)*)/g
const CONTINUATION = /\n[ \t]*\/\//g
const THROWN = /\/\/ throws (\S+)/g

/** What a block says it prints, a text for each `console.log`: `// => …`, continued in comments set in further. */
export function claimedOutputs(code: string): string[] {
  return [...code.matchAll(OUTPUT)].map(([, text = '']) => withoutLayout(text.replaceAll(CONTINUATION, ' ')))
}

/** The code of the error that a block says it ends with: `// throws TENANT_REQUIRED`. */
export function claimedError(code: string): string | undefined {
  const codes = [...code.matchAll(THROWN)].map(([, thrown]) => thrown)
  if (codes.length > 1) throw new Error(`A block ends with one error, not with ${codes.join(' and ')}.`)
  return codes[0]
}

/** A text with its line breaks and indentation evened out, as the width of a page decides about them. */
export function withoutLayout(text: string): string {
  return text.trim().replaceAll(/\s+/g, ' ')
}
