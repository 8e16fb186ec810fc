import { qualified, type QualifiedName } from '../identifiers.ts'

/** Whether SQL of a plan, which always names a relation with its schema, names this one. */
export function mentions(sql: string, relation: QualifiedName): boolean {
  const name = qualified(relation)
  for (let at = sql.indexOf(name); at !== -1; at = sql.indexOf(name, at + 1)) {
    const before = sql[at - 1] ?? ' '
    const after = sql[at + name.length] ?? ' '
    if (!isPartOfName(before) && !isPartOfName(after)) return true
  }
  return false
}

function isPartOfName(character: string): boolean {
  return /[\w$".\u0080-\uffff]/.test(character)
}
