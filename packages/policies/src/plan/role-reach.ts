import type { Catalogue, Membership, Role } from '../catalogue/catalogue.ts'
import { literal } from '../identifiers.ts'

/** The role of that name; undefined for predefined ones, and for those that do not exist. */
export function roleNamed(catalogue: Catalogue, name: string): Role | undefined {
  return catalogue.roles.find((role) => role.name === name)
}

/** Whether there is such a role when the statement runs, as a condition. */
export function roleExists(name: string): string {
  return `EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ${literal(name)})`
}

/** The role and all whose privileges it has without SET ROLE, which is also what decides which policies apply to it. */
export function rolesInherited(catalogue: Catalogue, name: string): ReadonlySet<string> {
  return follow(catalogue, name, ({ inherit }) => inherit)
}

/** The role and all that it can act as in any way: by inheritance, by SET ROLE, or after granting itself either. */
export function rolesReachable(catalogue: Catalogue, name: string): ReadonlySet<string> {
  return follow(catalogue, name, ({ inherit, set, admin }) => inherit || set || admin)
}

/** Whether no policy ever applies to the role. */
export function bypassesRowSecurity(catalogue: Catalogue, name: string): boolean {
  const role = roleNamed(catalogue, name)
  return role !== undefined && (role.superuser || role.bypassRowSecurity)
}

/** Whether the role that a plan would be applied as may change what `owner` owns. */
export function mayActFor(catalogue: Catalogue, owner: string): boolean {
  return (
    roleNamed(catalogue, catalogue.currentRole)?.superuser === true ||
    rolesInherited(catalogue, catalogue.currentRole).has(owner)
  )
}

function follow(
  catalogue: Catalogue,
  name: string,
  counts: (membership: Membership) => boolean,
): ReadonlySet<string> {
  const found = new Set([name])
  // A set is walked in the order of insertion, with what is added on the way.
  for (const reached of found) {
    for (const membership of roleNamed(catalogue, reached)?.memberOf ?? []) {
      if (counts(membership)) found.add(membership.role)
    }
  }
  return found
}
