import type { Catalogue } from '../catalogue/catalogue.ts'
import { displayName, identifier, type QualifiedName } from '../identifiers.ts'
import type { Plan, Step } from '../plan/plan.ts'
import type { Problem } from '../problem.ts'
import type { Query, Row } from '../query.ts'
import { mentions } from './mentions.ts'

/** The oldest server that plans are made for. */
const OLDEST_SERVER = 140_000

/** What the server and the role that `query` runs as do not allow; asked from the server as it is now. */
export async function missingPrivileges(
  query: Query,
  plan: Plan,
  statementsOf: (step: Step) => readonly string[],
): Promise<readonly Problem[]> {
  const statements = plan.steps.flatMap((step) => statementsOf(step))
  const role = await readRole(query)
  if (role.serverVersion < OLDEST_SERVER) return [serverTooOld(role.serverVersion)]
  const examination = { query, role, plan, statements }
  return [
    ...roleProblems(examination),
    ...(await databaseProblems(examination)),
    ...(await schemaProblems(examination)),
    ...(await ownershipProblems(examination)),
    ...(await newOwnerProblems(examination)),
  ]
}

/** What is asked, for whom, and about which statements of a plan. */
interface Examination {
  readonly query: Query
  readonly role: CurrentRole
  readonly plan: Plan
  readonly statements: readonly string[]
}

interface CurrentRole {
  readonly name: string
  readonly superuser: boolean
  readonly createRole: boolean
  readonly bypassRowSecurity: boolean
  readonly serverVersion: number
}

async function readRole(query: Query): Promise<CurrentRole> {
  const { rows } = await query(
    `SELECT rolname::text AS name, rolsuper AS superuser, rolcreaterole AS "createRole",
  rolbypassrls AS "bypassRowSecurity", current_setting('server_version_num')::integer AS "serverVersion"
FROM pg_catalog.pg_roles WHERE rolname = current_user`,
  )
  return rows[0] as unknown as CurrentRole
}

function serverTooOld(serverVersion: number): Problem {
  return {
    code: 'SERVER_TOO_OLD',
    object: 'server',
    message: `The server is PostgreSQL ${Math.floor(serverVersion / 10_000)}; plans need 14 or later.`,
    fix: 'Upgrade the server.',
  }
}

function missing(object: string, message: string, fix: string): Problem {
  return { code: 'MISSING_PRIVILEGE', object, message, fix }
}

function roleProblems({ role, statements }: Examination): readonly Problem[] {
  if (role.superuser) return []
  const object = `role ${role.name}`
  const handlesRoles = statements.some((statement) => /\b(?:CREATE|ALTER|DROP) ROLE\b/.test(statement))
  const givesBypass = statements.some((statement) => /\bBYPASSRLS\b/.test(statement))
  const problems: Problem[] = []
  if (handlesRoles && !role.createRole) {
    problems.push(
      missing(
        object,
        'It has no CREATEROLE, and the plan makes or changes roles.',
        `ALTER ROLE ${identifier(role.name)} CREATEROLE as a superuser; or have an administrator create the roles first, and plan again.`,
      ),
    )
  }
  // Until 15 only a superuser could; since 16 a role can give what it has.
  if (givesBypass && (role.serverVersion < 160_000 || !role.bypassRowSecurity)) {
    problems.push(
      missing(
        object,
        'It may not give BYPASSRLS to the system role, which takes a superuser or, from PostgreSQL 16 on, a role with BYPASSRLS.',
        'Have an administrator create the system role with BYPASSRLS first, and plan again.',
      ),
    )
  }
  return problems
}

async function databaseProblems({ query, role, plan, statements }: Examination): Promise<readonly Problem[]> {
  const { rows } = await query(
    `SELECT current_database()::text AS name, has_database_privilege(current_database(), 'CREATE') AS creates,
  pg_has_role(datdba, 'USAGE') AS owns, to_regnamespace('tenantry') IS NULL AS missing
FROM pg_catalog.pg_database WHERE datname = current_database()`,
  )
  const { name, creates, owns, missing: schemaMissing } = rows[0] as Row
  const object = `database ${String(name)}`
  const database = identifier(String(name))
  const problems: Problem[] = []
  const makesSchema = statements.some((statement) => /^CREATE SCHEMA\b/.test(statement))
  if (makesSchema && schemaMissing === true && creates !== true) {
    problems.push(
      missing(
        object,
        `The role ${role.name} may not create the schema tenantry.`,
        `GRANT CREATE ON DATABASE ${database} TO ${identifier(role.name)}; or CREATE SCHEMA tenantry AUTHORIZATION ${identifier(role.name)} as an administrator.`,
      ),
    )
  }
  const grants = statements.some((statement) => /^(?:GRANT|REVOKE)\b[^;]*\bON DATABASE\b/.test(statement))
  if (grants && owns !== true) {
    problems.push(
      missing(
        object,
        `The role ${role.name} does not own it, and the plan changes rights on it.`,
        `Apply the plan as its owner, ${plan.tenancy.catalogue.database.owner}, or as a member of that role.`,
      ),
    )
  }
  return problems
}

async function schemaProblems({ query, role, plan, statements }: Examination): Promise<readonly Problem[]> {
  const { rows } = await query(
    `SELECT nspname::text AS name, pg_get_userbyid(nspowner)::text AS owner, pg_has_role(nspowner, 'USAGE') AS owns,
  has_schema_privilege(oid, 'CREATE') AS creates
FROM pg_catalog.pg_namespace WHERE nspname IN (SELECT json_array_elements_text($1::json)) ORDER BY 1`,
    [JSON.stringify(plan.tenancy.catalogue.schemas.map(({ name }) => name))],
  )
  return rows.flatMap((row) => {
    const name = String(row['name'])
    const needs = needsOfSchema(name, statements)
    if (needs.own && row['owns'] !== true) {
      return missing(
        `schema ${name}`,
        `The role ${role.name} does not own it, and the plan changes rights or objects of its owner on it.`,
        `GRANT ${identifier(String(row['owner']))} TO ${identifier(role.name)}, or apply the plan as its owner.`,
      )
    }
    if (needs.create && row['creates'] !== true) {
      return missing(
        `schema ${name}`,
        `The role ${role.name} may not create anything in it, which CREATE INDEX and CREATE FUNCTION need.`,
        `GRANT CREATE ON SCHEMA ${identifier(name)} TO ${identifier(role.name)}.`,
      )
    }
    return []
  })
}

function needsOfSchema(name: string, statements: readonly string[]): { own: boolean; create: boolean } {
  const schema = escapeForPattern(identifier(name))
  const owned = new RegExp(
    `^(?:(?:GRANT|REVOKE)\\b[^;]*\\bON SCHEMA\\b[^;]*|(?:ALTER|DROP) SCHEMA (?:IF EXISTS )?)(?<![\\w$."])${schema}(?![\\w$."])`,
  )
  const created = new RegExp(
    `^CREATE (?:UNIQUE )?INDEX\\b[^;]*?\\bON (?:ONLY )?${schema}\\.|^CREATE (?:OR REPLACE )?FUNCTION ${schema}\\.`,
  )
  return {
    own: statements.some((statement) => owned.test(statement)),
    create: statements.some((statement) => created.test(statement)),
  }
}

async function ownershipProblems({
  query,
  role,
  plan,
  statements,
}: Examination): Promise<readonly Problem[]> {
  const relations = changedRelations(plan, statements)
  const { rows } = await query(
    `SELECT wanted.ordinality, pg_get_userbyid(class.relowner)::text AS owner
FROM json_to_recordset($1::json) AS wanted(ordinality integer, schema text, name text)
JOIN pg_catalog.pg_namespace namespace ON namespace.nspname = wanted.schema
JOIN pg_catalog.pg_class class ON class.relnamespace = namespace.oid AND class.relname = wanted.name
WHERE NOT pg_has_role(class.relowner, 'USAGE')
ORDER BY 1`,
    [JSON.stringify(relations.map(({ schema, name }, ordinality) => ({ ordinality, schema, name })))],
  )
  return rows.flatMap((row) => {
    const relation = relations[Number(row['ordinality'])]
    if (!relation) return []
    const owner = String(row['owner'])
    return missing(
      displayName(relation),
      `It belongs to ${owner}, and the role ${role.name} is no member of that, so it may not change it.`,
      `Apply the plan as ${owner}; or GRANT ${identifier(owner)} TO ${identifier(role.name)}.`,
    )
  })
}

const changesObject =
  /^(?:ALTER (?:TABLE|VIEW|MATERIALIZED VIEW|SEQUENCE|POLICY)|CREATE (?:UNIQUE )?INDEX|(?:CREATE|DROP) POLICY|(?:CREATE(?: OR REPLACE)?|DROP) TRIGGER|GRANT|REVOKE)\b/

/** Relations that statements of the plan change as only their owner may. */
function changedRelations(plan: Plan, statements: readonly string[]): readonly QualifiedName[] {
  const changing = statements
    .filter((statement) => changesObject.test(statement))
    // A table that a foreign key leads to is not changed by it.
    .map((statement) => statement.replaceAll(/\bREFERENCES\s+\S+/g, 'REFERENCES'))
  const locked = new Set(
    plan.steps.flatMap(({ risk }) =>
      risk.lock === null || /^(?:ACCESS|ROW) SHARE$/.test(risk.lock.mode) ? [] : risk.lock.tables,
    ),
  )
  return relationsOf(plan.tenancy.catalogue).filter(
    (relation) =>
      locked.has(displayName(relation)) || changing.some((statement) => mentions(statement, relation)),
  )
}

function relationsOf({ tables, views, sequences }: Catalogue): readonly QualifiedName[] {
  return [...tables, ...views, ...sequences]
}

async function newOwnerProblems({ query, role, plan, statements }: Examination): Promise<readonly Problem[]> {
  const { owner } = plan.tenancy.tenancy.roles
  if (owner === undefined || !statements.some((statement) => /\bOWNER TO\b/.test(statement))) return []
  const { rows } = await query(
    `SELECT pg_has_role(oid, CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END) AS may
FROM pg_catalog.pg_roles WHERE rolname = $1`,
    [owner],
  )
  if (rows.length === 0 || rows[0]?.['may'] === true) return []
  return [
    missing(
      `role ${owner}`,
      `The plan makes it the owner of tables, and the role ${role.name} cannot become it.`,
      `GRANT ${identifier(owner)} TO ${identifier(role.name)}.`,
    ),
  ]
}

function escapeForPattern(text: string): string {
  return text.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`)
}
