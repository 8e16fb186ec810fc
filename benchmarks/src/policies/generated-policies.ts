import type { Client } from 'pg'
import { makeTenancy } from './make-tenancy.ts'
import { tableOf } from './policy-table.ts'

/** Lets a plan protect the table with the tenant-led keys, and gives back its policies, as SQL. */
export async function generatePolicies(superuser: Client): Promise<string> {
  await makeTenancy(superuser, {
    tenantTable: 'policy_cost.tenant',
    tables: { membership: 'excluded', ordinary_document: 'excluded' },
  })
  const { rows } = await superuser.query<{ statement: string }>(
    `SELECT format('CREATE POLICY %I ON %I.%I AS %s FOR %s TO %s USING (%s) WITH CHECK (%s);',
         policyname, schemaname, tablename, permissive, cmd, array_to_string(roles, ', '), qual, with_check) AS statement
       FROM pg_policies WHERE format('%I.%I', schemaname, tablename) = $1`,
    [tableOf['tenant-led']],
  )
  return rows.map(({ statement }) => statement).join('\n')
}
