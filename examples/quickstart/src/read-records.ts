import { readLines } from './read-lines.ts'
import { kindNames, recordKinds, type KindName } from './record-format.ts'

/** A bad line of the file and what is wrong with it. */
export interface Problem {
  line: number
  reason: string
}

/** One record, checked on its own: its references are checked when the whole file has been read. */
export interface DataRecord {
  line: number
  kind: KindName
  /** The record's fields without `kind`, named as the columns of its table. */
  row: Record<string, unknown>
}

/** Reads records in the format of `record-format.ts`, one a line. Blank lines are skipped. */
export async function* readRecords(chunks: AsyncIterable<Buffer>): AsyncGenerator<DataRecord | Problem> {
  for await (const line of readLines(chunks)) {
    if ('problem' in line) yield { line: line.number, reason: line.problem }
    else if (line.text.trim() !== '') yield parseRecord(line.number, line.text)
  }
}

function parseRecord(line: number, text: string): DataRecord | Problem {
  let record: unknown
  try {
    record = JSON.parse(text)
  } catch {
    return { line, reason: `not JSON: ${quote(text)}` }
  }
  if (typeof record !== 'object' || record === null || Array.isArray(record)) {
    return { line, reason: `not a JSON object: ${quote(text)}` }
  }

  const { kind, ...row } = record as Record<string, unknown>
  if (kind === undefined) return { line, reason: 'the field kind is missing' }
  if (!isKindName(kind)) {
    return {
      line,
      reason: `unknown kind ${quote(JSON.stringify(kind))}: must be one of ${kindNames.join(', ')}`,
    }
  }
  const reasons = checkFields(kind, row)
  return reasons.length > 0 ? { line, reason: `${kind}: ${reasons.join('; ')}` } : { line, kind, row }
}

function checkFields(kind: KindName, row: Record<string, unknown>): string[] {
  const { fields } = recordKinds[kind]
  const reasons: string[] = []
  for (const [name, check] of Object.entries(fields)) {
    // hasOwn, because every object inherits fields such as constructor.
    if (!Object.hasOwn(row, name)) {
      reasons.push(`${name} is missing`)
      continue
    }
    const wrong = check(row[name])
    if (wrong) reasons.push(`${name} ${wrong}, not ${quote(JSON.stringify(row[name]))}`)
  }
  for (const name of Object.keys(row)) {
    if (!Object.hasOwn(fields, name)) reasons.push(`unknown field ${quote(name)}`)
  }
  return reasons
}

function isKindName(kind: unknown): kind is KindName {
  return (kindNames as unknown[]).includes(kind)
}

/** A piece of the file that is safe to print: short, and without characters that steer a terminal. */
function quote(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 60)}…` : text
  return short.replace(/[\p{Control}\p{Format}\p{Surrogate}]/gu, '\u{FFFD}')
}
