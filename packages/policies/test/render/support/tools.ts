import { promises as fs } from 'node:fs'
import path from 'node:path'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate } from 'drizzle-orm/node-postgres/migrator'
import { Kysely, PostgresDialect } from 'kysely'
import { FileMigrationProvider, Migrator } from 'kysely/migration'
import { runner } from 'node-pg-migrate'
import pg from 'pg'
import { DataSource, type Logger } from 'typeorm'

type Direction = 'up' | 'down'

/** Kysely's Migrator: all migrations up, or the last one down. */
export async function runKysely(
  connection: string | pg.PoolConfig,
  folder: string,
  direction: Direction,
  disableTransactions: boolean,
): Promise<void> {
  const pool = new pg.Pool(typeof connection === 'string' ? { connectionString: connection } : connection)
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
  const provider = new FileMigrationProvider({
    fs,
    path,
    migrationFolder: folder,
    import: (file) => import(/* @vite-ignore */ file),
  })
  const migrator = new Migrator({ db, provider, disableTransactions })
  try {
    const { error } = await (direction === 'up' ? migrator.migrateToLatest() : migrator.migrateDown())
    if (error !== undefined) throw error
  } finally {
    await db.destroy()
  }
}

const nothing = (): void => {}
const silent: Logger = {
  logQuery: nothing,
  logQueryError: nothing,
  logQuerySlow: nothing,
  logSchemaBuild: nothing,
  logMigration: nothing,
  log: nothing,
}

/** TypeORM's runner: all migrations up, or the last one reverted. */
export async function runTypeorm(
  url: string,
  files: readonly string[],
  direction: Direction,
  transaction: 'all' | 'each' | 'none',
): Promise<void> {
  const modules = await Promise.all(
    files.map((file) => import(/* @vite-ignore */ file) as Promise<Record<string, new () => object>>),
  )
  const migrations = modules.flatMap((exported) => Object.values(exported))
  const source = new DataSource({ type: 'postgres', logger: silent, url, migrations })
  await source.initialize()
  try {
    await (direction === 'up'
      ? source.runMigrations({ transaction })
      : source.undoLastMigration({ transaction }))
  } finally {
    await source.destroy()
  }
}

/** node-pg-migrate's runner: all migrations up, or the last one down. */
export async function runNodePgMigrate(
  databaseUrl: string,
  dir: string,
  direction: Direction,
  singleTransaction: boolean,
): Promise<void> {
  const logger = { debug: nothing, info: nothing, warn: nothing, error: nothing }
  await runner({ databaseUrl, dir, migrationsTable: 'pgmigrations', direction, singleTransaction, logger })
}

/** Drizzle's migrator, with a folder that has a journal. */
export async function runDrizzle(connectionString: string, folder: string): Promise<void> {
  const pool = new pg.Pool({ connectionString })
  try {
    await migrate(drizzle({ client: pool }), { migrationsFolder: folder })
  } finally {
    await pool.end()
  }
}
