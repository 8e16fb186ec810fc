import type { Catalogue, ColumnGrant, Grant } from '../catalogue/catalogue.ts'
import { identifiers } from '../identifiers.ts'
import { roleName } from './desired-policies.ts'
import { roleExists, roleNamed } from './role-reach.ts'
import { doIf } from './sql-blocks.ts'

/** What rights are on, with those that exist. */
export interface GrantTarget {
  /** As it follows ON: `TABLE public.tasks`, `SCHEMA public`. */
  readonly sql: string
  readonly grants: readonly Grant[]
  readonly columnGrants?: readonly ColumnGrant[]
}

/** What one role shall have on it. */
export interface DesiredGrants {
  readonly grantee: string
  /** Granted if missing. */
  readonly wanted: readonly string[]
  /** Left alone where it exists; `all` for a role from which nothing is ever taken. */
  readonly tolerated: readonly string[] | 'all'
  /** Privileges on columns, granted if missing. Not for a privilege in `wanted`, which covers all columns. */
  readonly wantedColumns?: Readonly<Record<string, readonly string[]>>
}

/** Statements that lead there, and those that lead back. */
export interface GrantChanges {
  readonly revokes: readonly string[]
  readonly grants: readonly string[]
  readonly undo: readonly string[]
  /** The privileges that are taken away, on the whole or on columns. */
  readonly revoked: readonly string[]
}

/** What separates the rights that a role has on something from those that it shall have. */
export function grantChanges(target: GrantTarget, desired: DesiredGrants): GrantChanges {
  const held = target.grants.filter(({ grantee }) => grantee === desired.grantee)
  const heldColumns = (target.columnGrants ?? []).filter(({ grantee }) => grantee === desired.grantee)
  const change = differences(desired, held, heldColumns)
  const touched = namesOf(Object.values(change).flat())
  const from = `ON ${target.sql} FROM ${roleName(desired.grantee)}`
  const to = `ON ${target.sql} TO ${roleName(desired.grantee)}`
  return {
    revokes: [
      ...whole(change.excess).map((list) => `REVOKE ${list} ${from}`),
      ...whole(change.passable).map((list) => `REVOKE GRANT OPTION FOR ${list} ${from}`),
      ...byColumn(change.excessColumns).map((list) => `REVOKE ${list} ${from}`),
      ...byColumn(change.passableColumns).map((list) => `REVOKE GRANT OPTION FOR ${list} ${from}`),
    ],
    grants: [...whole(change.missing), ...byColumn(change.missingColumns)].map(
      (list) => `GRANT ${list} ${to}`,
    ),
    undo: [
      // On the table it takes the privilege from the columns too.
      ...whole(touched.map((privilege) => ({ privilege }))).map((list) => `REVOKE ${list} ${from}`),
      ...restoredGrants(
        target.sql,
        held.filter(({ privilege }) => touched.includes(privilege)),
        heldColumns.filter(({ privilege }) => touched.includes(privilege)),
      ),
    ],
    revoked: namesOf([...change.excess, ...change.excessColumns]),
  }
}

type Privilege = Pick<Grant, 'privilege'>
type ColumnPrivilege = Pick<ColumnGrant, 'privilege' | 'column'>

interface Differences {
  readonly excess: readonly Privilege[]
  /** With a right to grant it to others, which is for the owner to do. */
  readonly passable: readonly Privilege[]
  readonly missing: readonly Privilege[]
  readonly excessColumns: readonly ColumnPrivilege[]
  readonly passableColumns: readonly ColumnPrivilege[]
  readonly missingColumns: readonly ColumnPrivilege[]
}

function differences(
  desired: DesiredGrants,
  held: readonly Grant[],
  heldColumns: readonly ColumnGrant[],
): Differences {
  const { wanted, tolerated, wantedColumns = {} } = desired
  const covers = (privilege: string): boolean =>
    tolerated === 'all' || wanted.includes(privilege) || tolerated.includes(privilege)
  const isPassable = ({ privilege, grantable }: Grant): boolean =>
    grantable && tolerated !== 'all' && covers(privilege)
  const excess = held.filter(({ privilege }) => !covers(privilege))
  const isLost = (privilege: string): boolean => excess.some((grant) => grant.privilege === privilege)
  const isHeld = (privilege: string, column: string): boolean =>
    !isLost(privilege) &&
    heldColumns.some((grant) => grant.privilege === privilege && grant.column === column)
  return {
    excess,
    passable: held.filter(isPassable),
    missing: wanted
      .filter((name) => !held.some(({ privilege }) => privilege === name))
      .map((privilege) => ({ privilege })),
    excessColumns: heldColumns.filter(
      ({ privilege, column }) =>
        !covers(privilege) && !isLost(privilege) && wantedColumns[privilege]?.includes(column) !== true,
    ),
    passableColumns: heldColumns.filter(isPassable),
    missingColumns: Object.entries(wantedColumns).flatMap(([privilege, columns]) =>
      columns.filter((column) => !isHeld(privilege, column)).map((column) => ({ privilege, column })),
    ),
  }
}

/** The GRANTs that make these entries of an access control list again. */
export function restoredGrants(
  target: string,
  grants: readonly Grant[],
  columnGrants: readonly ColumnGrant[],
): readonly string[] {
  const grantees = new Set([...grants, ...columnGrants].map(({ grantee }) => grantee))
  return [false, true].flatMap((grantable) => {
    const option = grantable ? ' WITH GRANT OPTION' : ''
    return [...grantees].flatMap((grantee) => {
      const matches = (grant: Grant): boolean => grant.grantee === grantee && grant.grantable === grantable
      return [...whole(grants.filter(matches)), ...byColumn(columnGrants.filter(matches))].map(
        (list) => `GRANT ${list} ON ${target} TO ${roleName(grantee)}${option}`,
      )
    })
  })
}

/**
 * The changes that lead all of these roles there. What undoes them for a role that the plan makes asks whether it is there,
 * for the plan may have been cut off before.
 */
export function grantsFor(
  catalogue: Catalogue,
  target: GrantTarget,
  desired: readonly DesiredGrants[],
): GrantChanges {
  const changes = desired.map((wanted) => {
    const change = grantChanges(target, wanted)
    const { grantee } = wanted
    const certain = grantee === 'public' || roleNamed(catalogue, grantee) !== undefined
    return certain || change.undo.length === 0
      ? change
      : { ...change, undo: [doIf(roleExists(grantee), change.undo)] }
  })
  return {
    revokes: changes.flatMap(({ revokes }) => revokes),
    grants: changes.flatMap(({ grants }) => grants),
    undo: changes.toReversed().flatMap(({ undo }) => undo),
    revoked: [...new Set(changes.flatMap(({ revoked }) => revoked))],
  }
}

/** Whether there is nothing to do. */
export function isUnchanged({ revokes, grants }: GrantChanges): boolean {
  return revokes.length === 0 && grants.length === 0
}

/** `SELECT, UPDATE`; nothing if there are none. */
function whole(grants: readonly Privilege[]): readonly string[] {
  return grants.length === 0 ? [] : [namesOf(grants).join(', ')]
}

/** `UPDATE (a, b)` for each privilege. */
function byColumn(grants: readonly ColumnPrivilege[]): readonly string[] {
  return namesOf(grants).map((privilege) => {
    const columns = grants.filter((grant) => grant.privilege === privilege).map(({ column }) => column)
    return `${privilege} (${identifiers(columns)})`
  })
}

function namesOf(grants: readonly Privilege[]): readonly string[] {
  return [...new Set(grants.map(({ privilege }) => privilege))]
}
