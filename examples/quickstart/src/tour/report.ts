import Table from 'cli-table3'
import pc from 'picocolors'

/** One thing the tour tried: what it was, what came of it, and whether that is right. */
export interface Attempt {
  isAsExpected: boolean
  question: string
  answer: string
}

/** What the tour prints, and whether everything was as it should be. It fits a terminal of 80 columns. */
export interface Report {
  note: (text: string) => void
  heading: (text: string) => void
  /** States something; a statement that turned out wrong is marked and counted. */
  check: (isAsExpected: boolean, text: string) => void
  /** The same for several questions, each with its answer beside it. */
  attempts: (attempts: Attempt[]) => void
  /** Rows of a name and numbers. */
  table: (columns: string[], rows: [name: string, ...numbers: number[]][]) => void
  /** How many statements there were so far, and how many of them turned out wrong. */
  totals: () => { checks: number; wrong: number }
}

const screenWidth = 80

/** @param write prints a line, or several */
export function createReport(write: (text: string) => void): Report {
  let headings = 0
  let checks = 0
  let wrong = 0

  /** Counts a statement, and returns its mark and its text. */
  function state(isAsExpected: boolean, text: string): [mark: string, text: string] {
    checks += 1
    if (isAsExpected) return [pc.green('✓'), text]
    wrong += 1
    return [pc.red('✗'), `WRONG: ${text}`]
  }

  return {
    note: write,
    heading(text) {
      headings += 1
      write(`\n${pc.bold(`${headings}. ${text}`)}`)
    },
    check(isAsExpected, text) {
      const table = createTable({ colWidths: [2, 2, screenWidth - 4], wordWrap: true })
      table.push(['', ...state(isAsExpected, text)])
      write(trimLines(table.toString()))
    },
    attempts(attempts) {
      const table = createTable({ colWidths: [2, 2, 16, screenWidth - 20], wordWrap: true })
      for (const { isAsExpected, question, answer } of attempts) {
        const [mark, text] = state(isAsExpected, answer)
        table.push(['', mark, question, text])
      }
      write(trimLines(table.toString()))
    },
    table(columns, rows) {
      const table = createTable({
        colWidths: [36, ...columns.map(() => 12)],
        colAligns: ['left', ...columns.map(() => 'right' as const)],
      })
      table.push(['', ...columns.map((column) => pc.dim(column))])
      for (const [name, ...numbers] of rows) {
        table.push([`    ${name}`, ...numbers.map((number) => number.toLocaleString('en-US'))])
      }
      write(table.toString())
    },
    totals: () => ({ checks, wrong }),
  }
}

/** A table without lines. */
function createTable(options: Table.TableConstructorOptions): Table.Table {
  const parts = ['top', 'bottom', 'mid', 'left', 'right', 'middle'].flatMap((part) =>
    ['', '-mid', '-left', '-right'].map((place) => `${part}${place}`),
  )
  const chars = Object.fromEntries(parts.map((part) => [part, '']))
  return new Table({ ...options, chars, style: { 'padding-left': 0, 'padding-right': 0 } })
}

function trimLines(text: string): string {
  return text.replaceAll(/ +$/gm, '')
}
