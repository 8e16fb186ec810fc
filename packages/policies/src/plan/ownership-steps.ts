import type { ColumnGrant, Grant, Sequence } from '../catalogue/catalogue.ts'
import { displayName, identifier, qualified, type QualifiedName } from '../identifiers.ts'
import type { ResolvedTenancy } from '../model/resolved-tenancy.ts'
import { accessStep } from './access-step.ts'
import { grantChanges, restoredGrants, type DesiredGrants } from './grant-changes.ts'
import { sequenceRights, tableRights, viewRights, type ObjectRights } from './object-rights.ts'
import type { PlanContext, Step } from './plan.ts'
import { bypassesRowSecurity } from './role-reach.ts'

/**
 * The model's tables, and the sequences and views with them, handed to the model's owner. Not before the end: an application
 * that signs in as their present owner goes on working until then.
 */
export function ownershipSteps({ tenancy }: PlanContext): readonly Step[] {
  const { owner } = tenancy.tenancy.roles
  if (owner === undefined) return []
  return ownedObjects(tenancy)
    .filter((object) => object.rights.owner !== owner)
    .map((object) => handOver(object, owner))
}

interface OwnedObject {
  readonly command: 'TABLE' | 'VIEW' | 'MATERIALIZED VIEW' | 'SEQUENCE'
  readonly name: QualifiedName
  readonly rights: ObjectRights
  /** Sequences that belong to its columns, and change owner with it. */
  readonly along: readonly ObjectRights[]
}

function ownedObjects(tenancy: ResolvedTenancy): readonly OwnedObject[] {
  const sequences = sequenceRights(tenancy)
  const tables = tableRights(tenancy).map((rights): OwnedObject => ({
    command: 'TABLE',
    name: rights.name,
    rights,
    along: sequences.filter(({ sequence }) => belongsTo(sequence, rights.name)),
  }))
  const views = viewRights(tenancy)
    .filter(
      ({ reaching: { view, outside, changeable } }) =>
        changeable &&
        outside.length === 0 &&
        // REFRESH reads as the owner: it would find nothing as one whom policies hold back.
        (view.kind === 'view' || !bypassesRowSecurity(tenancy.catalogue, view.owner)),
    )
    .map((rights): OwnedObject => ({
      command: rights.reaching.view.kind === 'view' ? 'VIEW' : 'MATERIALIZED VIEW',
      name: rights.name,
      rights,
      along: [],
    }))
  const free = sequences
    .filter(({ sequence }) => sequence.ownedBy === null)
    .map((rights): OwnedObject => ({ command: 'SEQUENCE', name: rights.name, rights, along: [] }))
  return [...tables, ...free, ...views]
}

function handOver({ command, name, rights, along }: OwnedObject, owner: string): Step {
  const moved = [rights, ...along]
  const previous = rights.owner
  return accessStep({
    id: `${displayName(name)}: owner`,
    phase: 'contract',
    statements: [
      `ALTER ${command} ${qualified(name)} OWNER TO ${identifier(owner)}`,
      // What the application role may, it may as the owner until here.
      ...moved.flatMap((object) => grantsAfterHandOver(object, owner)),
    ],
    undo: [
      `ALTER ${command} ${qualified(name)} OWNER TO ${identifier(previous)}`,
      ...moved.flatMap((object) => grantsOf(object, owner)),
    ],
    reason: `${displayName(name)} belongs to ${previous}; the model says that ${owner} owns the tables.`,
    lock: { mode: 'ACCESS EXCLUSIVE', tables: [displayName(name)] },
    note: `What signs in as ${previous} has no rights on it from here on but those that it is granted.`,
  })
}

/** The owner's own rights pass to the new one, so that the old one has what it was granted besides: nothing, mostly. */
function grantsAfterHandOver(object: ObjectRights, owner: string): readonly string[] {
  const passed = <Entry extends Grant>(grants: readonly Entry[]): readonly Entry[] =>
    grants.map((grant) => (grant.grantee === object.owner ? { ...grant, grantee: owner } : grant))
  const target = {
    sql: object.target.sql,
    grants: passed(object.target.grants),
    columnGrants: passed(object.target.columnGrants ?? []),
  }
  return object.desired
    .filter(({ grantee }: DesiredGrants) => grantee === object.owner)
    .flatMap((desired) => grantChanges(target, desired).grants)
}

/** What the new owner had been granted before disappears in what it has as the owner. */
function grantsOf({ target }: ObjectRights, owner: string): readonly string[] {
  const own = (grant: Grant): boolean => grant.grantee === owner
  const columnGrants: readonly ColumnGrant[] = target.columnGrants ?? []
  return restoredGrants(target.sql, target.grants.filter(own), columnGrants.filter(own))
}

function belongsTo(sequence: Sequence, { schema, name }: QualifiedName): boolean {
  return sequence.ownedBy?.schema === schema && sequence.ownedBy.name === name
}
