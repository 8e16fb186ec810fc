import { disableTenantIsolation, enableTenantIsolation, tenantColumn } from '@tenantry/kysely'
import { sql, type Kysely } from 'kysely'

// Keys and foreign keys carry the company: PostgreSQL checks both without asking policies.
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('projects')
    .addColumn('tenant_id', 'uuid', (column) =>
      tenantColumn(column).references('companies.id').onDelete('cascade'),
    )
    .addColumn('id', 'uuid', (column) => column.notNull().defaultTo(sql`gen_random_uuid()`))
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('status', 'text', (column) => column.notNull().defaultTo('active'))
    .addPrimaryKeyConstraint('projects_pkey', ['tenant_id', 'id'])
    .addUniqueConstraint('projects_name_key', ['tenant_id', 'name'])
    .addCheckConstraint('projects_status_check', sql`status in ('active', 'paused', 'archived')`)
    .execute()
  await enableTenantIsolation(db, 'projects')

  await db.schema
    .createTable('tasks')
    .addColumn('tenant_id', 'uuid', (column) =>
      tenantColumn(column).references('companies.id').onDelete('cascade'),
    )
    .addColumn('id', 'uuid', (column) => column.notNull().defaultTo(sql`gen_random_uuid()`))
    .addColumn('project_id', 'uuid', (column) => column.notNull())
    .addColumn('title', 'text', (column) => column.notNull())
    .addColumn('done', 'boolean', (column) => column.notNull().defaultTo(false))
    .addPrimaryKeyConstraint('tasks_pkey', ['tenant_id', 'id'])
    .addForeignKeyConstraint(
      'tasks_project_fkey',
      ['tenant_id', 'project_id'],
      'projects',
      ['tenant_id', 'id'],
      (key) => key.onDelete('cascade'),
    )
    .execute()
  await db.schema.createIndex('tasks_project_idx').on('tasks').columns(['tenant_id', 'project_id']).execute()
  await enableTenantIsolation(db, 'tasks')
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const table of ['tasks', 'projects']) {
    await disableTenantIsolation(db, table)
    await db.schema.dropTable(table).execute()
  }
}
