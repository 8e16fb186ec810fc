import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { PrismaPg } from '@prisma/adapter-pg'
import type { SchemaEngine } from '@prisma/schema-engine-wasm'
import pg from 'pg'
import type { RenderedFile } from '../../../src/render/rendered-file.ts'
import { sqlParts } from '../../../src/render/sql-parts.ts'

const require = createRequire(import.meta.url)

/**
 * How Prisma's native engine sends a `migration.sql`: as one text; or from 7.4 on, if its parser understands all of it,
 * statement by statement.
 */
export type Sending = 'one text' | 'statement by statement'

export interface PrismaEngine {
  /** What `prisma migrate deploy` does. Returns the names of the migrations that it applied. */
  deploy(files: readonly RenderedFile[]): Promise<readonly string[]>
  /** What `prisma migrate resolve --rolled-back` does. */
  resolveRolledBack(name: string): Promise<void>
  close(): Promise<void>
}

/** Prisma's schema engine as WebAssembly, with scripts sent as the native one does, over one connection as well. */
export async function prismaEngine(connectionString: string, sending: Sending): Promise<PrismaEngine> {
  const pool = new pg.Pool({ connectionString, max: 1 })
  const factory = new PrismaPg(pool)
  const connect = factory.connect.bind(factory)
  factory.connect = async () => {
    const adapter = await connect()
    // The adapter's own cuts a script at every semicolon, those within quotes too. Prisma's command line does not use it.
    adapter.executeScript = async (script: string) => {
      const texts = sending === 'one text' ? [script] : statementsOf(script)
      // The adapter turns errors into its own, which is all that the engine understands.
      const { onError } = adapter as unknown as { onError(error: unknown): never }
      for (const text of texts) await pool.query(text).catch((error: unknown) => onError.call(adapter, error))
    }
    return adapter
  }
  // Where the engine writes why it panics; without it, it ends the process.
  Object.assign(globalThis, {
    PRISMA_WASM_PANIC_REGISTRY: {
      set_message(message: string) {
        throw new Error(message)
      },
    },
  })
  const engine = await loadEngine(factory)
  const filters = { externalTables: [], externalEnums: [] }
  // What made the tables that are there, as `prisma migrate resolve --applied` tells of a database that Prisma did not make.
  const before: RenderedFile = { path: '0_before/migration.sql', content: 'SELECT 1;' }
  await engine.markMigrationApplied({ migrationName: '0_before', migrationsList: listOf([before]) })
  return {
    async deploy(files) {
      const migrationsList = listOf([before, ...files])
      const { appliedMigrationNames } = await engine.applyMigrations({ migrationsList, filters })
      return appliedMigrationNames
    },
    resolveRolledBack: async (migrationName) => {
      await engine.markMigrationRolledBack({ migrationName })
    },
    async close() {
      engine.free()
      await pool.end()
    },
  }
}

function listOf(
  files: readonly RenderedFile[],
): Parameters<SchemaEngine['applyMigrations']>[0]['migrationsList'] {
  return {
    baseDir: '/prisma/migrations',
    lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"\n' },
    shadowDbInitScript: '',
    migrationDirectories: files.map(({ path, content }) => {
      const [folder = '', file = ''] = path.split('/')
      return { path: folder, migrationFile: { path: file, content: { tag: 'ok', value: content } } }
    }),
  }
}

type Bindings = typeof import('@prisma/schema-engine-wasm') & {
  __wbg_set_wasm(exports: Record<string, unknown>): void
}

/** The types of Node.js leave it out. */
const { WebAssembly } = globalThis as unknown as {
  WebAssembly: {
    instantiate(
      code: Uint8Array,
      imports: Record<string, object>,
    ): Promise<{ instance: { exports: Record<string, unknown> } }>
  }
}

let loaded: Promise<Bindings> | undefined

/** Once in a process: the bindings keep one instance. */
function loadBindings(): Promise<Bindings> {
  loaded ??= (async () => {
    const bindings = (await import('@prisma/schema-engine-wasm/schema_engine_bg')) as unknown as Bindings
    const file = require.resolve('@prisma/schema-engine-wasm/schema_engine_bg').replace(/\.js$/, '.wasm')
    const { instance } = await WebAssembly.instantiate(await readFile(file), {
      './schema_engine_bg.js': bindings,
    })
    bindings.__wbg_set_wasm(instance.exports)
    ;(instance.exports['__wbindgen_start'] as () => void)()
    return bindings
  })()
  return loaded
}

async function loadEngine(factory: PrismaPg): Promise<SchemaEngine> {
  const bindings = await loadBindings()
  const utilities = createRequire(require.resolve('@prisma/adapter-pg'))('@prisma/driver-adapter-utils') as {
    bindMigrationAwareSqlAdapterFactory(factory: PrismaPg): object
  }
  return bindings.SchemaEngine.new(
    { datamodels: [['schema.prisma', 'datasource db {\n  provider = "postgresql"\n}\n']] },
    () => {},
    utilities.bindMigrationAwareSqlAdapterFactory(factory),
  )
}

function statementsOf(script: string): readonly string[] {
  const statements = ['']
  for (const { kind, text } of sqlParts(script)) {
    const [first = '', ...rest] = kind === 'code' ? text.split(';') : [text]
    statements.push(`${statements.pop() ?? ''}${first}`, ...rest)
  }
  return statements.map((text) => text.trim()).filter((text) => text !== '')
}
