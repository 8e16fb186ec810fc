import { disableTenantIsolation, enableTenantIsolation } from '@tenantry/typeorm'
import type { MigrationInterface, QueryRunner } from 'typeorm'
import { tenant } from '../isolation.ts'

/** Keys, foreign keys and indexes begin with the tenant: PostgreSQL checks the first two without asking policies. */
export class ProjectsAndTasks1767312000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE projects (
        tenant_id uuid NOT NULL DEFAULT tenantry.tenant_id()
          CONSTRAINT tenantry_projects_tenant REFERENCES tenants ON DELETE CASCADE,
        id uuid NOT NULL DEFAULT gen_random_uuid(),
        name text NOT NULL,
        PRIMARY KEY (tenant_id, id),
        CONSTRAINT projects_name_key UNIQUE (tenant_id, name)
      )`)
    await enableTenantIsolation(queryRunner, 'projects', tenant)

    await queryRunner.query(`
      CREATE TABLE tasks (
        tenant_id uuid NOT NULL DEFAULT tenantry.tenant_id()
          CONSTRAINT tenantry_tasks_tenant REFERENCES tenants ON DELETE CASCADE,
        id uuid NOT NULL DEFAULT gen_random_uuid(),
        project_id uuid NOT NULL,
        title text NOT NULL,
        status text NOT NULL DEFAULT 'open'
          CONSTRAINT tenantry_tasks_status CHECK (status IN ('open', 'in_progress', 'done')),
        assignee_id uuid,
        PRIMARY KEY (tenant_id, id),
        CONSTRAINT tasks_project_fkey FOREIGN KEY (tenant_id, project_id) REFERENCES projects ON DELETE CASCADE,
        CONSTRAINT tenantry_tasks_assignee FOREIGN KEY (tenant_id, assignee_id) REFERENCES users
          ON DELETE SET NULL (assignee_id)
      )`)
    await queryRunner.query('CREATE INDEX tasks_project_status_idx ON tasks (tenant_id, project_id, status)')
    await queryRunner.query('CREATE INDEX tasks_status_idx ON tasks (tenant_id, status)')
    await queryRunner.query('CREATE INDEX tasks_assignee_idx ON tasks (tenant_id, assignee_id)')
    await enableTenantIsolation(queryRunner, 'tasks', tenant)
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const table of ['tasks', 'projects']) {
      await disableTenantIsolation(queryRunner, table, tenant)
      await queryRunner.query(`DROP TABLE ${table}`)
    }
  }
}
