import { displayName, qualified } from '../identifiers.ts'
import { type KeptKey, keptKeys } from './key-changes.ts'
import type { Note, PlanContext } from './plan.ts'

/** What keys that go on spanning all tenants mean. */
export function keyNotes(context: PlanContext): readonly Note[] {
  const { serverVersion } = context.tenancy.catalogue
  return keptKeys(context).flatMap((kept) => noteOn(kept, serverVersion))
}

function noteOn(kept: KeptKey, serverVersion: number): readonly Note[] {
  const { table, index, reason } = kept
  // Its primary key is the tenant.
  if (reason === 'root' && index.primary) return []
  const object = displayName(table)
  if (reason === 'root') {
    return [
      {
        object,
        effect: 'information',
        message: `${index.name} is unique among all tenants, as keys of the tenant table are: who makes or changes a tenant can find out that a value is taken.`,
        fix: null,
      },
    ]
  }
  const upserts = index.unique && readsHiddenRows(serverVersion)
  return [
    {
      object,
      effect: 'exposes',
      message: [
        `${index.name} compares the rows of all tenants: ${because(kept)}. A tenant can find out that a value exists elsewhere`,
        upserts ? ", and an upsert on it reads another tenant's row on this server (CVE-2026-120154)." : '.',
      ].join(''),
      fix: fixOf(kept, upserts),
    },
  ]
}

function because({ table, index, owner, reason, by }: KeptKey): string {
  switch (reason) {
    case 'chosen':
      return owner.primaryKey === 'keep' && index.primary
        ? 'the model keeps this primary key'
        : 'the model names it among globalKeys'
    case 'shared rows':
      return 'shared rows have no tenant, which a primary key or a replica identity would need'
    case 'referenced':
      return `foreign keys lead to it that stay as they are (${by.join('; ')})`
    case 'needed':
      return `PostgreSQL does not let it go while others need it (${by.join('; ')})`
    case 'published':
      return `logical replication tells rows apart by it, and ${by.join(', ')} does not publish ${owner.column}`
    case 'identity':
      return `logical replication tells rows of ${by.join(', ')} apart by it`
    case 'no operator class':
      return 'an exclusion constraint compares tenants only with the extension btree_gist'
    case 'invalid':
      return `it is invalid, which a failed CREATE INDEX CONCURRENTLY on ${displayName(table)} leaves`
    default:
      return `the plan does not rebuild ${index.method} keys`
  }
}

function fixOf({ owner, table, index, reason, by }: KeptKey, upserts: boolean): string | null {
  switch (reason) {
    case 'referenced':
      return `Drop ${by.join('; ')}, or make the tables part of the tenancy if they are not.`
    case 'needed':
      return `Change them so that they do without it, and plan again: GROUP BY all columns that are selected, ON CONFLICT with columns that include ${owner.column} once the new key is there, foreign keys dropped or their schema among those that are read.`
    case 'published':
      return `Add ${owner.column} to the columns that ${by.join(', ')} publishes of ${displayName(table)}.`
    case 'identity':
      return `ALTER TABLE … REPLICA IDENTITY DEFAULT or FULL on ${by.join(', ')}.`
    case 'no operator class':
      return 'CREATE EXTENSION btree_gist'
    case 'invalid':
      return `DROP INDEX ${qualified({ schema: table.schema, name: index.name })}`
    default:
      return upserts ? 'Upgrade to PostgreSQL 18.7, 17.12, 16.16, 15.20 or 14.25.' : null
  }
}

/** Before the releases that refuse an upsert on a hidden row before its WHERE sees that. */
function readsHiddenRows(serverVersion: number): boolean {
  const fixed: Readonly<Record<number, number>> = { 14: 25, 15: 20, 16: 16, 17: 12, 18: 7 }
  const major = Math.floor(serverVersion / 10_000)
  return serverVersion % 10_000 < (fixed[major] ?? 0)
}
