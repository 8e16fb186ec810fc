import {
  createTenantFunction,
  disableTenantIsolation,
  dropTenantFunction,
  enableTenantIsolation,
} from '@tenantry/typeorm'
import type { MigrationInterface, QueryRunner } from 'typeorm'
import { root, tenant } from '../isolation.ts'

/**
 * Tenants, how they are found before anybody has signed in, and their users.
 *
 * What no entity can say is named `tenantry_…`, which `migration:generate` then leaves alone.
 */
export class Tenants1767225600000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await createTenantFunction(queryRunner, tenant)

    await queryRunner.query('CREATE TABLE tenants (id uuid PRIMARY KEY, name text NOT NULL)')
    await enableTenantIsolation(queryRunner, 'tenants', root)

    await queryRunner.query(`
      CREATE TABLE users (
        tenant_id uuid NOT NULL DEFAULT tenantry.tenant_id()
          CONSTRAINT tenantry_users_tenant REFERENCES tenants ON DELETE CASCADE,
        id uuid NOT NULL DEFAULT gen_random_uuid(),
        email text NOT NULL,
        name text NOT NULL,
        role text NOT NULL CONSTRAINT tenantry_users_role CHECK (role IN ('admin', 'member')),
        password_hash text NOT NULL,
        PRIMARY KEY (tenant_id, id),
        CONSTRAINT users_email_key UNIQUE (tenant_id, email)
      )`)
    await enableTenantIsolation(queryRunner, 'users', tenant)

    await queryRunner.query(`
      CREATE TABLE tenant_slugs (
        slug text PRIMARY KEY CONSTRAINT tenantry_tenant_slugs_slug CHECK (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
        tenant_id uuid NOT NULL DEFAULT tenantry.tenant_id()
          CONSTRAINT tenantry_tenant_slugs_tenant REFERENCES tenants ON DELETE CASCADE,
        CONSTRAINT tenant_slugs_tenant_key UNIQUE (tenant_id)
      )`)
    // Not the usual isolation, for a slug is looked up before its tenant is known. Whoever names a slug sees that row: there is
    // no list of customers to read. Only a tenant itself can take one, and only a free one, for the key spans all tenants.
    // Nobody can change one: there is no right to UPDATE or DELETE, so that no slug ever leads to another tenant.
    await queryRunner.query(`
      CREATE POLICY look_up ON tenant_slugs FOR SELECT TO tenantry_app
        USING (slug = (SELECT nullif(current_setting('app.tenant_slug', true), '')) OR tenant_id = (SELECT tenantry.tenant_id()));
      CREATE POLICY take ON tenant_slugs FOR INSERT TO tenantry_app
        WITH CHECK (tenant_id = (SELECT tenantry.tenant_id()));
      ALTER TABLE tenant_slugs ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
      GRANT SELECT, INSERT ON tenant_slugs TO tenantry_app;
      GRANT SELECT ON tenant_slugs TO tenantry_system`)
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE tenant_slugs')
    await disableTenantIsolation(queryRunner, 'users', tenant)
    await queryRunner.query('DROP TABLE users')
    await disableTenantIsolation(queryRunner, 'tenants', root)
    await queryRunner.query('DROP TABLE tenants')
    await dropTenantFunction(queryRunner)
  }
}
