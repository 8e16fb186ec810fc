import { TenantryError } from '../errors.ts'
import { refused } from '../events.ts'
import type { Setting } from '../settings.ts'

/** Something that lets one tenant reach another's rows. */
export interface Finding {
  /** What kind of thing, stable. */
  readonly code:
    | 'superuser'
    | 'bypasses-rls'
    | 'can-become-privileged'
    | 'owns-unforced-table'
    | 'rls-inactive'
    | 'rls-missing'
    | 'rls-not-forced'
    | 'setting-preset'
    | 'system-cannot-cross'
  /** The role, table or setting concerned. */
  readonly object: string
  /** What is wrong and what follows from it. */
  readonly message: string
  /** The SQL that puts it right; to be run as the owner or a superuser. */
  readonly fix: string
}

/** `pool.verify()` found that row-level security does not hold. Code `UNSAFE_DATABASE`. */
export class UnsafeDatabaseError extends TenantryError {
  override readonly name = 'UnsafeDatabaseError'
  readonly findings: readonly Finding[]

  constructor(findings: readonly Finding[]) {
    const list = findings
      .map((finding, index) => `${index + 1}. ${finding.message}\n   Fix: ${finding.fix}`)
      .join('\n')
    super({
      code: 'UNSAFE_DATABASE',
      message: `Row-level security does not hold for this connection: ${findings.length} finding(s).\n${list}`,
    })
    this.findings = Object.freeze([...findings])
  }
}

type Row = Record<string, unknown>

/** Runs one statement and returns its rows. */
export type VerifyQuery = (text: string, values: readonly unknown[]) => Promise<{ rows: Row[] }>

const ROLE = `
  select quote_ident(current_user) as role, rolsuper, rolbypassrls
  from pg_catalog.pg_roles where rolname = current_user`

// Roles that this session may turn into. Superusers are members of every role.
const REACHABLE_ROLES = `
  select quote_ident(r.rolname) as role, r.rolsuper, r.rolbypassrls
  from pg_catalog.pg_roles r
  where (r.rolsuper or r.rolbypassrls) and r.rolname <> current_user
    and pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER')
    and not (select s.rolsuper from pg_catalog.pg_roles s where s.rolname = session_user)
  order by 1`

// A table is one of tenants' if a policy of it, its columns' defaults or the name of a column says so. The name is
// that of the column with which the policies compare the setting; where there are none yet, \`tenant_id\`.
const TABLES = `
  with tables as (
    select c.oid, n.nspname, c.relname, c.relowner, c.relrowsecurity, c.relforcerowsecurity, c.relispartition,
      exists (select from pg_catalog.pg_policy p where p.polrelid = c.oid) as has_policies,
      exists (
        select from pg_catalog.pg_attribute a
        where a.attrelid = c.oid and a.attname = 'tenant_id' and a.attnum > 0 and not a.attisdropped
      ) as has_tenant_column,
      pg_catalog.has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE')
        or pg_catalog.has_table_privilege(c.oid, 'DELETE') as reachable
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
  )
  select format('%I.%I', nspname, relname) as name, relrowsecurity, relforcerowsecurity, has_policies, has_tenant_column,
    reachable, pg_catalog.row_security_active(oid) as active, pg_catalog.pg_has_role(relowner, 'USAGE') as owned
  from tables
  where has_policies or has_tenant_column or relrowsecurity
  order by 1`

const STARTING_VALUE = `select coalesce(reset_val, '') as value from pg_catalog.pg_settings where name = $1`

const SESSION_VALUE = `
  select source from (
    select format('role %I', rolname) as source, s.setconfig from pg_catalog.pg_db_role_setting s
      join pg_catalog.pg_roles on pg_roles.oid = s.setrole
      where rolname = session_user and s.setdatabase in (0, (select oid from pg_catalog.pg_database where datname = current_database()))
    union all
    select format('database %I', datname), s.setconfig from pg_catalog.pg_db_role_setting s
      join pg_catalog.pg_database on pg_database.oid = s.setdatabase
      where datname = current_database() and s.setrole = 0
  ) as presets
  where exists (select from unnest(setconfig) as entry where lower(split_part(entry, '=', 1)) = $1)`

async function roleFindings(query: VerifyQuery): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const { role, rolsuper, rolbypassrls } of (await query(ROLE, [])).rows) {
    if (rolsuper === true) {
      findings.push({
        code: 'superuser',
        object: String(role),
        message: `The application connects as ${role}, a superuser: no policy applies to it, it sees every tenant.`,
        fix: `create role app login nosuperuser nobypassrls password '…'; -- and connect as app`,
      })
    }
    if (rolbypassrls === true) {
      findings.push({
        code: 'bypasses-rls',
        object: String(role),
        message: `The application connects as ${role}, which has BYPASSRLS: it sees every tenant.`,
        fix: `alter role ${role} nobypassrls;`,
      })
    }
  }
  for (const { role, rolsuper } of (await query(REACHABLE_ROLES, [])).rows) {
    findings.push({
      code: 'can-become-privileged',
      object: String(role),
      message: `The application's role may SET ROLE ${role}, ${rolsuper === true ? 'a superuser' : 'which has BYPASSRLS'}.`,
      fix: `revoke ${role} from current_user; -- name the application's role for current_user`,
    })
  }
  return findings
}

function tableFinding(table: Row): Finding | undefined {
  const name = String(table['name'])
  const force = `alter table ${name} enable row level security; alter table ${name} force row level security;`
  if (table['relrowsecurity'] !== true) {
    if (table['reachable'] !== true && table['has_policies'] !== true) return undefined
    return table['has_policies'] === true
      ? {
          code: 'rls-inactive',
          object: name,
          message: `${name} has policies, but row-level security is not enabled on it, so they do nothing.`,
          fix: force,
        }
      : {
          code: 'rls-missing',
          object: name,
          message: `${name} has a column tenant_id and no row-level security: every tenant reaches all of its rows.`,
          fix: `${force} -- and create its policies`,
        }
  }
  if (table['relforcerowsecurity'] !== true) {
    return table['owned'] === true
      ? {
          code: 'owns-unforced-table',
          object: name,
          message: `The application's role owns ${name}, and its row-level security is not forced: owners pass it.`,
          fix: `alter table ${name} force row level security; alter table ${name} owner to another_role;`,
        }
      : {
          code: 'rls-not-forced',
          object: name,
          message: `The row-level security of ${name} is not forced: views and functions of its owner pass it.`,
          fix: `alter table ${name} force row level security;`,
        }
  }
  if (table['active'] !== true) {
    return {
      code: 'rls-inactive',
      object: name,
      message: `Row-level security is not active on ${name} for the application's role.`,
      fix: `select rolname, rolsuper, rolbypassrls from pg_roles; -- the role must have neither`,
    }
  }
  return undefined
}

async function settingFindings(query: VerifyQuery, settings: readonly Setting[]): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const { parameter, key } of settings) {
    const presets = (await query(SESSION_VALUE, [parameter])).rows
    const starting = (await query(STARTING_VALUE, [parameter])).rows.filter(({ value }) => value !== '')
    const sources =
      presets.length > 0 ? presets.map(({ source }) => String(source)) : starting.map(() => 'system')
    for (const source of sources) {
      findings.push({
        code: 'setting-preset',
        object: parameter,
        message: `A fresh connection starts with "${parameter}" set (by ${source}): without a scope it acts for that ${key}.`,
        fix: `alter ${source} reset ${parameter};`,
      })
    }
  }
  return findings
}

async function systemFindings(query: VerifyQuery): Promise<Finding[]> {
  const { rows } = await query(ROLE, [])
  return rows
    .filter(({ rolsuper, rolbypassrls }) => rolsuper !== true && rolbypassrls !== true)
    .map(({ role }) => ({
      code: 'system-cannot-cross' as const,
      object: String(role),
      message: `The system pool connects as ${role}, which has no BYPASSRLS: tenancy.asSystem would see no tenant's rows.`,
      fix: `alter role ${role} bypassrls;`,
    }))
}

/**
 * @param query over the application's own pool
 * @param systemQuery over its system pool, if it has one
 * @throws UnsafeDatabaseError with all findings at once
 */
export async function verifyDatabase(
  query: VerifyQuery,
  systemQuery: VerifyQuery | undefined,
  settings: readonly Setting[],
): Promise<void> {
  const findings = await roleFindings(query)
  const privileged = findings.some(({ code }) => code === 'superuser' || code === 'bypasses-rls')
  for (const table of (await query(TABLES, [])).rows) {
    const finding = tableFinding(table)
    // Said once, of the role, and not again of every table.
    if (finding !== undefined && !(privileged && finding.object && table['relforcerowsecurity'] === true)) {
      findings.push(finding)
    }
  }
  findings.push(...(await settingFindings(query, settings)))
  if (systemQuery !== undefined) findings.push(...(await systemFindings(systemQuery)))
  if (findings.length > 0) throw refused(new UnsafeDatabaseError(findings), undefined)
}
