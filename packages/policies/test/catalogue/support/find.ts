import type {
  Catalogue,
  DatabaseFunction,
  Grant,
  Sequence,
  Table,
  View,
} from '../../../src/catalogue/catalogue.ts'

export function tableOf(catalogue: Catalogue, name: string): Table {
  return only(catalogue.tables, name)
}

export function viewOf(catalogue: Catalogue, name: string): View {
  return only(catalogue.views, name)
}

export function functionOf(catalogue: Catalogue, name: string): DatabaseFunction {
  return only(catalogue.functions, name)
}

export function sequenceOf(catalogue: Catalogue, name: string): Sequence {
  return only(catalogue.sequences, name)
}

export function only<T extends { readonly name: string }>(list: readonly T[], name: string): T {
  const [found, another] = list.filter((item) => item.name === name)
  if (found === undefined) throw new Error(`Nothing is called ${name}`)
  if (another !== undefined) throw new Error(`Two are called ${name}`)
  return found
}

/** `app: SELECT INSERT*` for each grantee; a star stands for the grant option. */
export function grantLines(grants: readonly Grant[]): readonly string[] {
  const byGrantee = new Map<string, string[]>()
  for (const { grantee, privilege, grantable } of grants)
    byGrantee.set(grantee, [...(byGrantee.get(grantee) ?? []), privilege + (grantable ? '*' : '')])
  return [...byGrantee].map(([grantee, privileges]) => `${grantee}: ${privileges.join(' ')}`)
}
