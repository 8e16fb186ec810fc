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
  /** The SQL that puts it right; to be run by the table's owner or a superuser. */
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

/** Options of `TenantPool.verify`. */
export interface VerifyOptions {
  /**
   * The column by which a table is recognised as one of tenants' even without a policy.
   * @default 'tenant_id'
   */
  readonly tenantColumn?: string
  /** Tables that have such a column and are rightly not isolated, as `schema.table`. */
  readonly except?: readonly string[]
}

/** Runs a text without a tenant; its last statement's rows. */
export type VerifyQuery = <Row>(text: string, values?: readonly unknown[]) => Promise<readonly Row[]>

interface RoleRow {
  /** Quoted, as all names below. */
  readonly role: string
  /** The one that initdb made, which stays a superuser. */
  readonly bootstrap: boolean
  readonly rolsuper: boolean
  readonly rolbypassrls: boolean
}

interface ReachableRoleRow {
  readonly role: string
  readonly rolsuper: boolean
  /** The application's role, and the roles granted to it that lead to `role`. */
  readonly member: string
  readonly through: readonly string[]
}

interface TableRow {
  readonly name: string
  readonly plain_name: string
  readonly enabled: boolean
  readonly forced: boolean
  readonly active: boolean
  readonly owned: boolean
  readonly has_policies: boolean
}

const ROLE = `
  select quote_ident(rolname) as role, oid = 10 as bootstrap, rolsuper, rolbypassrls
  from pg_catalog.pg_roles where rolname = current_user`

// Which privileged roles this session may SET ROLE to, and the memberships of its own that lead there. Since 16 a
// membership may exclude SET, which ADMIN lets the member grant to itself:
// https://www.postgresql.org/docs/current/sql-grant.html#SQL-GRANT-DESCRIPTION-ROLES
const REACHABLE_ROLES = `
  select quote_ident(target.rolname) as role, target.rolsuper, quote_ident(self.rolname) as member,
    array(
      select quote_ident(granted.rolname)
      from pg_catalog.pg_auth_members m join pg_catalog.pg_roles granted on granted.oid = m.roleid
      where m.member = self.oid and pg_catalog.pg_has_role(granted.oid, target.oid, 'MEMBER')
      order by 1
    ) as through
  from pg_catalog.pg_roles self, pg_catalog.pg_roles target
  where self.rolname = session_user and not self.rolsuper and target.oid <> self.oid
    and (target.rolsuper or target.rolbypassrls)
    and pg_catalog.pg_has_role(self.oid, target.oid,
      case when current_setting('server_version_num')::int >= 160000 then 'SET, MEMBER WITH ADMIN OPTION' else 'MEMBER' end)
  order by 1`

const TABLES = `
  select format('%I.%I', nspname, relname) as name, nspname || '.' || relname as plain_name,
    relrowsecurity as enabled, relforcerowsecurity as forced, pg_catalog.row_security_active(oid) as active,
    pg_catalog.pg_has_role(relowner, 'USAGE') as owned, has_policies
  from (
    select c.*, n.nspname,
      exists (select from pg_catalog.pg_policy p where p.polrelid = c.oid) as has_policies,
      exists (
        select from pg_catalog.pg_attribute a
        where a.attrelid = c.oid and a.attname = $1 and a.attnum > 0 and not a.attisdropped
      ) as has_tenant_column,
      pg_catalog.has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE')
        or pg_catalog.has_table_privilege(c.oid, 'DELETE') as reachable
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
  ) as tables
  where has_policies or relrowsecurity or (has_tenant_column and reachable)
  order by 1`

// Where a role or database is altered to start sessions with a setting.
const PRESETS = `
  select 'role ' || case when s.setrole = 0 then 'all' else quote_ident(r.rolname) end
      || case when s.setdatabase = 0 then '' else ' in database ' || quote_ident(d.datname) end as source
  from pg_catalog.pg_db_role_setting s
  left join pg_catalog.pg_roles r on r.oid = s.setrole
  left join pg_catalog.pg_database d on d.oid = s.setdatabase
  where (s.setrole = 0 or r.rolname = session_user) and (s.setdatabase = 0 or d.datname = current_database())
    and exists (select from unnest(s.setconfig) as entry where lower(split_part(entry, '=', 1)) = $1)
  order by 1`

/** What RESET returns a session to is what it started with; pg_settings does not show customized options. */
function startingValue(parameter: string): string {
  const quoted = parameter
    .split('.')
    .map((part) => `"${part}"`)
    .join('.')
  return `reset ${quoted}; select coalesce(current_setting('${parameter}', true), '') as value`
}

async function roleFindings(query: VerifyQuery): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const { role, bootstrap, rolsuper, rolbypassrls } of await query<RoleRow>(ROLE)) {
    if (rolsuper) {
      findings.push({
        code: 'superuser',
        object: role,
        message: `The application connects as ${role}, a superuser: no policy applies to it, it sees every tenant.`,
        fix: bootstrap
          ? `create role app login password '…'; -- grant it what it needs and connect as it`
          : `alter role ${role} nosuperuser;`,
      })
    }
    if (rolbypassrls) {
      findings.push({
        code: 'bypasses-rls',
        object: role,
        message: `The application connects as ${role}, which has BYPASSRLS: it sees every tenant.`,
        fix: `alter role ${role} nobypassrls;`,
      })
    }
  }
  for (const { role, rolsuper, member, through } of await query<ReachableRoleRow>(REACHABLE_ROLES)) {
    findings.push({
      code: 'can-become-privileged',
      object: role,
      message: `The application's role ${member} may SET ROLE ${role}, ${rolsuper ? 'a superuser' : 'which has BYPASSRLS'}.`,
      fix: through.map((granted) => `revoke ${granted} from ${member};`).join(' '),
    })
  }
  return findings
}

function tableFinding(table: TableRow, privileged: boolean): Finding | undefined {
  const { name } = table
  const force = `alter table ${name} force row level security;`
  const enable = `alter table ${name} enable row level security; ${force}`
  if (!table.enabled) {
    return table.has_policies
      ? {
          code: 'rls-inactive',
          object: name,
          message: `${name} has policies, but row-level security is not enabled on it, so they do nothing.`,
          fix: enable,
        }
      : {
          code: 'rls-missing',
          object: name,
          message: `${name} has a tenant column and no row-level security: every tenant reaches all of its rows.`,
          fix: `${enable} -- then create its policies; until then it shows no row`,
        }
  }
  if (!table.forced) {
    return table.owned
      ? {
          code: 'owns-unforced-table',
          object: name,
          message: `The application's role owns ${name}, whose row-level security is not forced: no policy applies to it.`,
          fix: `${force} -- and better, give it an owner that the application does not connect as`,
        }
      : {
          code: 'rls-not-forced',
          object: name,
          message: `The row-level security of ${name} is not forced: views and functions of its owner pass it.`,
          fix: force,
        }
  }
  // Of a privileged role it has been said already.
  if (!table.active && !privileged) {
    return {
      code: 'rls-inactive',
      object: name,
      message: `Row-level security is not active on ${name} for the application's role.`,
      fix: enable,
    }
  }
  return undefined
}

async function settingFindings(query: VerifyQuery, settings: readonly Setting[]): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const { parameter, key } of settings) {
    let sources = (await query<{ source: string }>(PRESETS, [parameter])).map(({ source }) => source)
    const [start] = await query<{ value: string }>(startingValue(parameter))
    if (sources.length === 0 && start?.value !== '') sources = ['system']
    for (const source of sources) {
      findings.push({
        code: 'setting-preset',
        object: parameter,
        message: `A fresh connection starts with "${parameter}" set (${source}): what runs without a scope acts for that ${key}.`,
        fix: `alter ${source} reset ${parameter};`,
      })
    }
  }
  return findings
}

async function systemFindings(query: VerifyQuery): Promise<Finding[]> {
  const rows = await query<RoleRow>(ROLE)
  return rows
    .filter(({ rolsuper, rolbypassrls }) => !rolsuper && !rolbypassrls)
    .map(({ role }) => ({
      code: 'system-cannot-cross' as const,
      object: role,
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
  { tenantColumn = 'tenant_id', except = [] }: VerifyOptions,
): Promise<void> {
  const findings = await roleFindings(query)
  const privileged = findings.some(({ code }) => code === 'superuser' || code === 'bypasses-rls')
  for (const table of await query<TableRow>(TABLES, [tenantColumn])) {
    const finding = except.includes(table.plain_name) ? undefined : tableFinding(table, privileged)
    if (finding !== undefined) findings.push(finding)
  }
  findings.push(...(await settingFindings(query, settings)))
  if (systemQuery !== undefined) findings.push(...(await systemFindings(systemQuery)))
  if (findings.length > 0) throw refused(new UnsafeDatabaseError(findings), undefined)
}
