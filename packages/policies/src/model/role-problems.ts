import type { Catalogue, Role } from '../catalogue/catalogue.ts'
import { displayName, identifier } from '../identifiers.ts'
import type { Problem } from '../problem.ts'
import { didYouMean } from './nearest-names.ts'
import type { ResolvedTable, SharedTable } from './resolved-tenancy.ts'
import type { Tenancy } from './tenancy.ts'

/** Predefined roles whose members can read or run anything the server's own account can. */
const SERVER_ROLES = ['pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program']

/** What keeps the roles of a tenancy from being what they are meant for, as far as they exist. */
export function roleProblems(
  tenancy: Tenancy,
  catalogue: Catalogue,
  tables: readonly (Pick<ResolvedTable, 'table' | 'partitions'> | SharedTable)[],
): readonly Problem[] {
  const find = (name: string | undefined): Role | undefined =>
    catalogue.roles.find((role) => role.name === name)
  const app = find(tenancy.roles.app)
  return [
    ...(app ? attributeProblems(app, catalogue) : []),
    ...(app && !app.superuser ? membershipProblems(app, catalogue) : []),
    ...(app && !app.superuser ? ownerProblems(app, tenancy, catalogue, tables) : []),
    ...(app && !app.superuser ? schemaOwnerProblems(app, tenancy, catalogue) : []),
    ...missingOwner(tenancy, catalogue),
    ...systemProblems(find(tenancy.roles.system)),
  ]
}

function attributeProblems(app: Role, { serverVersion }: Catalogue): readonly Problem[] {
  const attributes = [
    [app.superuser, 'SUPERUSER', 'passes every policy by'],
    [app.bypassRowSecurity, 'BYPASSRLS', 'passes every policy by'],
    [app.replication, 'REPLICATION', "can read every tenant's rows from the write-ahead log"],
    [
      app.createRole && serverVersion < 160_000,
      'CREATEROLE',
      'can make itself a member of roles that own tables',
    ],
  ] as const
  const found = attributes.filter(([has]) => has)
  if (found.length === 0) return []
  const why = found.map(([, attribute, can]) => `is ${attribute} and so ${can}`).join(', ')
  return [
    {
      code: 'UNSAFE_ROLE',
      object: `role ${app.name}`,
      message: `The application's role ${app.name} ${why}.`,
      fix:
        `ALTER ROLE ${identifier(app.name)} ${found.map(([, attribute]) => `NO${attribute}`).join(' ')}; ` +
        'or give another role as roles.app, which the plan makes.',
    },
  ]
}

/** Roles that `app` can act as, with or without SET ROLE, each with the way there. */
function rolesWithin(app: Role, { roles }: Catalogue): ReadonlyMap<string, readonly string[]> {
  const byName = new Map(roles.map((role) => [role.name, role]))
  const ways = new Map<string, readonly string[]>()
  const waiting: (readonly [Role, readonly string[]])[] = [[app, []]]
  for (const [member, way] of waiting) {
    for (const { role, admin, inherit, set } of member.memberOf) {
      // A membership that gives neither gives nothing, unless its holder may give itself another.
      if (!(admin || inherit || set) || ways.has(role) || role === app.name) continue
      const there = [...way, role]
      ways.set(role, there)
      const next = byName.get(role)
      if (next) waiting.push([next, there])
    }
  }
  return ways
}

function membershipProblems(app: Role, catalogue: Catalogue): readonly Problem[] {
  const ways = rolesWithin(app, catalogue)
  return [...ways].flatMap(([name, way]) => {
    const role = catalogue.roles.find((each) => each.name === name)
    const what = role?.superuser
      ? 'is SUPERUSER'
      : role?.bypassRowSecurity
        ? 'is BYPASSRLS'
        : SERVER_ROLES.includes(name)
          ? "reaches the server's files or programs, past all policies"
          : undefined
    return what === undefined ? [] : [unsafeMembership(app, way, `${name} ${what}`)]
  })
}

function unsafeMembership(app: Role, way: readonly string[], what: string): Problem {
  return {
    code: 'UNSAFE_ROLE',
    object: `role ${app.name}`,
    message: `The application's role ${app.name} can act as another (${[app.name, ...way].join(' -> ')}), and ${what}.`,
    fix: `REVOKE ${identifier(way[0] ?? '')} FROM ${identifier(app.name)}; or give another role as roles.app.`,
  }
}

/** Whoever owns a table can take its policies off. With `roles.owner` the plan gives the tables to that one. */
function ownerProblems(
  app: Role,
  tenancy: Tenancy,
  catalogue: Catalogue,
  tables: readonly Pick<ResolvedTable, 'table' | 'partitions'>[],
): readonly Problem[] {
  const ways = rolesWithin(app, catalogue)
  const owned = new Map<string, string[]>()
  for (const table of tables.flatMap((each) => [each.table, ...each.partitions])) {
    const owner = tenancy.roles.owner ?? table.owner
    if (owner === app.name || ways.has(owner))
      owned.set(owner, [...(owned.get(owner) ?? []), displayName(table)])
  }
  return [...owned].map(([owner, names]) => {
    const list =
      names.length > 5 ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more` : names.join(', ')
    const why = 'who owns a table can take its row level security off'
    if (owner !== app.name)
      return unsafeMembership(app, ways.get(owner) ?? [], `${owner} owns ${list}: ${why}`)
    return {
      code: 'UNSAFE_ROLE',
      object: `role ${app.name}`,
      message: `The application's role ${app.name} owns ${list}: ${why}.`,
      fix:
        'Give the tables to another role, roles: { owner: … }, or let the application sign in as another one, ' +
        'roles: { app: … }, which the plan makes.',
    }
  })
}

/** Whoever owns a schema can drop the tables in it, whoever owns those. */
function schemaOwnerProblems(app: Role, tenancy: Tenancy, catalogue: Catalogue): readonly Problem[] {
  const ways = rolesWithin(app, catalogue)
  return catalogue.schemas
    .filter(({ name }) => tenancy.schemas.includes(name))
    .flatMap((schema) => {
      const ofDatabase = schema.owner === 'pg_database_owner'
      const owner = ofDatabase ? catalogue.database.owner : schema.owner
      const what = ofDatabase
        ? `owns the database and by that schema ${schema.name}`
        : `owns schema ${schema.name}`
      const why = 'who owns a schema can drop every table in it'
      if (ways.has(owner)) return [unsafeMembership(app, ways.get(owner) ?? [], `${owner} ${what}: ${why}`)]
      if (owner !== app.name) return []
      const object = ofDatabase
        ? `DATABASE ${identifier(catalogue.database.name)}`
        : `SCHEMA ${identifier(schema.name)}`
      const next = tenancy.roles.owner === undefined ? '…' : identifier(tenancy.roles.owner)
      return [
        {
          code: 'UNSAFE_ROLE' as const,
          object: `role ${app.name}`,
          message: `The application's role ${app.name} ${what}: ${why}.`,
          fix: `ALTER ${object} OWNER TO ${next}; or give another role as roles.app.`,
        },
      ]
    })
}

function missingOwner({ roles: { owner } }: Tenancy, { roles }: Catalogue): readonly Problem[] {
  const names = roles.map(({ name }) => name)
  if (owner === undefined || names.includes(owner)) return []
  return [
    {
      code: 'UNKNOWN_ROLE',
      object: `role ${owner}`,
      message: `roles.owner is "${owner}", but there is no such role, and a plan does not make the owner of tables.${didYouMean(owner, names)}`,
      fix: `CREATE ROLE ${identifier(owner)}; or leave roles.owner out, so that the tables keep their owners.`,
    },
  ]
}

function systemProblems(system: Role | undefined): readonly Problem[] {
  if (!system || system.bypassRowSecurity || system.superuser) return []
  return [
    {
      code: 'UNSAFE_ROLE',
      object: `role ${system.name}`,
      message: `roles.system is ${system.name}, which has no BYPASSRLS: it would see no rows, silently.`,
      fix: `As a superuser: ALTER ROLE ${identifier(system.name)} BYPASSRLS; or leave roles.system out.`,
    },
  ]
}
