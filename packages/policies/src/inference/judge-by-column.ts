import type { Table } from '../catalogue/catalogue.ts'
import { displayName } from '../identifiers.ts'
import { type Evidence, EXCLUDED, type Judgement, type Option, SHARED } from './judgement.ts'
import type { TenantColumn } from './tenant-columns.ts'

/** What a table with tenants' ids in it looks like. */
export function judgeByColumn(table: Table, columns: readonly TenantColumn[], evidence: Evidence): Judgement {
  const [only, ...others] = columns
  const main = others.length === 0 ? only : columns.find(({ name }) => name === evidence.common)
  const reasons = columns.map(({ reason }) => reason)
  if (!main?.notNull) return inQuestion(table, columns, evidence)
  const also = columns.filter((each) => each !== main).map(({ name }) => name)
  return {
    table,
    options: tenantOptions(main, evidence),
    column: main.name,
    confidence: main.byForeignKey && also.length === 0 ? 'certain' : 'likely',
    reasons:
      also.length === 0
        ? reasons
        : [
            ...reasons,
            `${main.name} is what most tables call it, so that ${also.join(', ')} is something besides`,
          ],
    choices: columns.filter((each) => each !== main).map((each) => asTenant(each, evidence)),
  }
}

function inQuestion(table: Table, columns: readonly TenantColumn[], evidence: Evidence): Judgement {
  const name = displayName(table)
  const names = columns.map((column) => column.name)
  const nullable = columns.filter(({ notNull }) => !notNull)
  const reasons = [
    ...columns.map(({ reason }) => reason),
    ...nullable.map((column) => `${column.name} may be NULL`),
    ...(names.length > 1 ? [`${names.join(' and ')} could name different tenants in one row`] : []),
  ]
  const left = names.includes(evidence.common ?? '') ? " Left out, it counts as 'tenant'." : ''
  const question =
    names.length > 1
      ? `Whose are the rows of ${name}, which have ${names.join(' and ')}?${left}`
      : `What is a row of ${name} whose ${names.join()} is NULL?${left}`
  return {
    table,
    options: undefined,
    column: names.length === 1 ? names[0] : undefined,
    confidence: 'ambiguous',
    reasons,
    question,
    choices: columns.length > 1 ? columnChoices(columns, evidence) : nullChoices(columns, evidence),
  }
}

function columnChoices(columns: readonly TenantColumn[], evidence: Evidence): readonly Option[] {
  return [...columns.map((column) => asTenant(column, evidence)), EXCLUDED]
}

function nullChoices(columns: readonly TenantColumn[], evidence: Evidence): readonly Option[] {
  return columns.flatMap((column): readonly Option[] => [
    {
      options: tenantOptions(column, evidence),
      means: `a mistake: the plan refuses until every row has its ${column.name}, which becomes NOT NULL`,
    },
    {
      options: { ...tenantOptions(column, evidence), kind: 'shared+tenant' },
      means: 'one for everybody: all tenants read it, and none writes it',
    },
  ])
}

function asTenant(column: TenantColumn, evidence: Evidence): Option {
  return {
    options: tenantOptions(column, evidence),
    means: `they belong to the tenant in ${column.name}, and no other sees them`,
  }
}

function tenantOptions({ name }: TenantColumn, { common }: Evidence): { kind: 'tenant'; column?: string } {
  return name === common ? { kind: 'tenant' } : { kind: 'tenant', column: name }
}

/** People who belong to tenants by another table, in which they may be in several. */
export function judgeMembers(
  table: Table,
  memberships: readonly Table[],
  columns: readonly TenantColumn[],
  evidence: Evidence,
): Judgement {
  const name = displayName(table)
  const by = memberships.map((each) => displayName(each)).join(', ')
  return {
    table,
    options: undefined,
    confidence: 'ambiguous',
    reasons: [
      `${by} lets one row of it be in several tenants, so that it belongs to none`,
      ...columns.map(({ reason }) => reason),
    ],
    question: `Who may see ${name}, whose rows may be in several tenants (${by})?`,
    choices: [
      EXCLUDED,
      SHARED,
      ...columns.map((column) => ({
        options: tenantOptions(column, evidence),
        means: `each belongs to the one tenant in ${column.name} alone, whatever ${by} says`,
      })),
    ],
  }
}
