import { entityKind, getTableName, is, Table } from 'drizzle-orm'
import { Cache } from 'drizzle-orm/cache/core'

type Mutation = Parameters<Cache['onMutate']>[0]

/** A cache as the documentation of Drizzle writes one, on a Map. */
export class MemoryCache extends Cache {
  static override readonly [entityKind]: string = 'MemoryCache'
  readonly results = new Map<string, unknown[]>()
  readonly keysOfTables = new Map<string, Set<string>>()
  readonly #strategy: 'explicit' | 'all'

  constructor(strategy: 'explicit' | 'all' = 'explicit') {
    super()
    this.#strategy = strategy
  }

  override strategy(): 'explicit' | 'all' {
    return this.#strategy
  }

  override async get(key: string): Promise<unknown[] | undefined> {
    return this.results.get(key)
  }

  override async put(key: string, response: unknown, tables: string[]): Promise<void> {
    this.results.set(key, response as unknown[])
    for (const table of tables) {
      this.keysOfTables.set(table, (this.keysOfTables.get(table) ?? new Set()).add(key))
    }
  }

  override async onMutate({ tags = [], tables = [] }: Mutation): Promise<void> {
    for (const tag of [tags].flat()) this.results.delete(tag)
    for (const table of [tables].flat() as (Table | string)[]) {
      const name = is(table, Table) ? getTableName(table) : table
      for (const key of this.keysOfTables.get(name) ?? []) this.results.delete(key)
      this.keysOfTables.delete(name)
    }
  }
}
