import {
  createTenantFunction,
  disableTenantIsolation,
  dropTenantFunction,
  enableTenantIsolation,
} from '@tenantry/kysely'
import { sql, type Kysely } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await createTenantFunction(db)
  await db.schema
    .createTable('companies')
    .addColumn('id', 'uuid', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .execute()
  await enableTenantIsolation(db, 'companies', { kind: 'root' })

  await db.schema
    .createTable('access_tokens')
    .addColumn('hash', 'text', (column) => column.primaryKey())
    .addColumn('company_id', 'uuid', (column) =>
      column
        .notNull()
        .defaultTo(sql`tenantry.tenant_id()`)
        .references('companies.id')
        .onDelete('cascade'),
    )
    .execute()
  // Not the usual isolation: a token is looked up before its company is known. Who has it sees its row, and no other.
  const statements = [
    sql`create policy sign_in on access_tokens for select to tenantry_app
      using (hash = (select nullif(current_setting('app.token_hash', true), '')))`,
    sql`create policy issue on access_tokens for insert to tenantry_app
      with check (company_id = (select tenantry.tenant_id()))`,
    sql`alter table access_tokens enable row level security`,
    sql`alter table access_tokens force row level security`,
    sql`grant select, insert on access_tokens to tenantry_app`,
  ]
  for (const statement of statements) await statement.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropTable('access_tokens').execute()
  await disableTenantIsolation(db, 'companies', { kind: 'root' })
  await db.schema.dropTable('companies').execute()
  await dropTenantFunction(db)
}
