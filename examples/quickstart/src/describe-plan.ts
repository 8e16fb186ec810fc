import type { Plan } from '@tenantry/policies'

const width = 80

/** A plan as a few lines for the screen: what it does to each table. */
export function describePlan({ steps }: Plan): string[] {
  const byObject = new Map<string, string[]>()
  for (const { id } of steps) {
    const [object = id, ...rest] = id.split(': ')
    const name = object.replace(/^public\./, '')
    byObject.set(name, [...(byObject.get(name) ?? []), kindOf(rest.join(': '))])
  }
  const indent = 4 + Math.max(...[...byObject.keys()].map((name) => name.length))
  return [
    `From schema.sql to src/model.ts, a plan of ${steps.length} steps in one transaction:`,
    ...[...byObject].flatMap(([name, kinds]) => wrap(`  ${name}`, indent, counted(kinds))),
    '  Their SQL, with reasons: npm run demo -- --plan',
  ]
}

/** Without the name of the one index or key that it is about. */
function kindOf(step: string): string {
  return step.replace(/^(index|foreign key) .*/, '$1').replace(/^drop .*/, 'drop of an old key')
}

function counted(kinds: string[]): string[] {
  return [...new Set(kinds)].map((kind) => {
    const count = kinds.filter((each) => each === kind).length
    return count === 1 ? kind : `${count} × ${kind}`
  })
}

/** The parts after the title, separated by commas, on as many lines as they need. */
function wrap(title: string, indent: number, parts: string[]): string[] {
  const lines: string[] = []
  let line = title.padEnd(indent)
  for (const [index, part] of parts.entries()) {
    const text = index === parts.length - 1 ? part : `${part}, `
    if (line.length + text.trimEnd().length > width) {
      lines.push(line.trimEnd())
      line = ' '.repeat(indent)
    }
    line += text
  }
  return [...lines, line]
}
