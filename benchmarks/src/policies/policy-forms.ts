import type { Client } from 'pg'
import { generatePolicies } from './generated-policies.ts'
import { tableOf, type Keys } from './policy-table.ts'

/** One way to keep the tenants of a table apart. */
export interface PolicyForm {
  readonly title: string
  readonly keys: Keys
  /** The policies, as SQL; undefined for a superuser, who writes the tenant in each statement. */
  readonly policies: string | undefined
  /** Whether these are the policies that Tenantry makes. */
  readonly generated?: true
}

/** What one of the policies below calls. Without IMMUTABLE or STABLE, which are easily forgotten, it is VOLATILE. */
const currentTenant = `
  CREATE FUNCTION policy_cost.current_tenant() RETURNS uuid LANGUAGE plpgsql AS $$
    BEGIN
      RETURN current_setting('app.current_tenant_id')::uuid;
    END
  $$;`

/** All that are compared; those without policies are the baselines of their table. */
export async function preparePolicyForms(superuser: Client): Promise<readonly PolicyForm[]> {
  await superuser.query(currentTenant)
  const generated = await generatePolicies(superuser)
  return [
    { title: 'hand-written WHERE, no policies', keys: 'tenant-led', policies: undefined },
    {
      title: 'generated policies',
      keys: 'tenant-led',
      policies: generated,
      generated: true,
    },
    {
      title: 'the same with (SELECT tenantry.tenant_id())',
      keys: 'tenant-led',
      policies: withFunction('tenant_id = (SELECT tenantry.tenant_id())'),
    },
    { title: 'hand-written WHERE, ordinary keys', keys: 'ordinary', policies: undefined },
    found(
      'bare cast: current_setting(…)::uuid',
      `tenant_id = current_setting('app.current_tenant_id')::uuid`,
    ),
    found('a VOLATILE function', 'tenant_id = policy_cost.current_tenant()'),
    found(
      'EXISTS on memberships',
      `EXISTS (SELECT FROM policy_cost.membership AS m WHERE m.tenant_id = ordinary_document.tenant_id
         AND m.user_id = current_setting('app.current_user_id')::uuid)`,
    ),
    found(
      'IN (SELECT … FROM memberships)',
      `tenant_id IN (SELECT m.tenant_id FROM policy_cost.membership AS m
         WHERE m.user_id = current_setting('app.current_user_id')::uuid)`,
    ),
  ]
}

/** The pair of a plan, with the function in the place of what it returns. */
function withFunction(condition: string): string {
  const table = tableOf['tenant-led']
  return `
    CREATE POLICY tenantry_allow ON ${table} TO tenantry_app USING (${condition}) WITH CHECK (${condition});
    CREATE POLICY tenantry_floor ON ${table} AS RESTRICTIVE USING (${condition}) WITH CHECK (${condition});`
}

/** A policy as applications and tutorials have it. */
function found(title: string, condition: string): PolicyForm {
  const policies = `CREATE POLICY tenant_isolation ON ${tableOf.ordinary} USING (${condition});`
  return { title, keys: 'ordinary', policies }
}

/** Puts a form's policies in the place of those that are there. */
export async function usePolicies(superuser: Client, { keys, policies = '' }: PolicyForm): Promise<void> {
  const table = tableOf[keys]
  const { rows } = await superuser.query<{ name: string }>(
    'SELECT quote_ident(polname) AS name FROM pg_policy WHERE polrelid = $1::regclass',
    [table],
  )
  const statements = [
    ...rows.map(({ name }) => `DROP POLICY ${name} ON ${table};`),
    `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;`,
    policies,
  ]
  await superuser.query(statements.join('\n'))
}
