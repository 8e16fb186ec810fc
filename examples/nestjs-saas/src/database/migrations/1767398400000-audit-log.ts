import type { MigrationInterface, QueryRunner } from 'typeorm'

export class AuditLog1767398400000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE audit_log (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamptz NOT NULL DEFAULT now(),
        reason text NOT NULL,
        operator text,
        request text
      )`)
    // Who writes it cannot read or change it.
    await queryRunner.query('GRANT INSERT ON audit_log TO tenantry_app')
    await queryRunner.query('GRANT SELECT ON audit_log TO tenantry_system')
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE audit_log')
  }
}
