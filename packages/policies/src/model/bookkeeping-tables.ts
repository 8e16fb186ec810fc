/** Tables in which migration tools keep their books. They hold nobody's data, and only the owner writes them. */
const BOOKKEEPING_TABLES: ReadonlySet<string> = new Set([
  // Prisma
  '_prisma_migrations',
  // Kysely
  'kysely_migration',
  'kysely_migration_lock',
  // TypeORM
  'migrations',
  'typeorm_metadata',
  // Drizzle
  '__drizzle_migrations',
  'drizzle_migrations',
  // node-pg-migrate
  'pgmigrations',
  // Knex and Objection
  'knex_migrations',
  'knex_migrations_lock',
  // MikroORM
  'mikro_orm_migrations',
  // Sequelize and Umzug
  'SequelizeMeta',
  'SequelizeData',
  // Rails, dbmate, golang-migrate
  'schema_migrations',
  'schema_migrations_lock',
  'ar_internal_metadata',
  // Flyway, Liquibase, Sqitch and Graphile
  'flyway_schema_history',
  'databasechangelog',
  'databasechangeloglock',
  // Alembic, Django, Goose, Atlas, postgres-migrations, db-migrate
  'alembic_version',
  'django_migrations',
  'goose_db_version',
  'atlas_schema_revisions',
  'db_migrations',
])

/** Whether a table is a migration tool's own, by its name. */
export function isBookkeepingTable(name: string): boolean {
  return BOOKKEEPING_TABLES.has(name)
}
