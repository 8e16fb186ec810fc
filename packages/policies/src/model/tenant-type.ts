import type { Column } from '../catalogue/catalogue.ts'

const FAMILIES: ReadonlyMap<string, { readonly family: string; readonly cast: string }> = new Map([
  ['uuid', { family: 'uuid', cast: 'uuid' }],
  ['smallint', { family: 'integer', cast: 'smallint' }],
  ['integer', { family: 'integer', cast: 'integer' }],
  ['bigint', { family: 'integer', cast: 'bigint' }],
  ['text', { family: 'text', cast: 'text' }],
  ['character varying', { family: 'text', cast: 'text' }],
])

/** What the types of tenant keys are called, for messages. */
export const TENANT_TYPES =
  'uuid, bigint, integer, smallint, text, character varying, or a domain over one of them'

/** What tenant ids of a column are cast to in SQL; undefined if tenants cannot be told apart by such a column. */
export function tenantTypeOf(column: Column): string | undefined {
  return FAMILIES.get(column.baseType)?.cast
}

/** Whether a column can hold tenant ids of the type: integers of any size do for each other, and so do text and varchar. */
export function holdsTenantIds(column: Column, tenantType: string): boolean {
  const own = FAMILIES.get(column.baseType)?.family
  return own !== undefined && own === FAMILIES.get(tenantType)?.family
}
