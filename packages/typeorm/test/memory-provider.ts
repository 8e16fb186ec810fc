import type { DataSource } from 'typeorm'

type QueryResultCache = NonNullable<DataSource['queryResultCache']>
type CacheOptions = Parameters<QueryResultCache['getFromCache']>[0]

/** A store as an application writes one for `cache: { provider }`. */
export class MemoryProvider implements QueryResultCache {
  readonly results = new Map<string, CacheOptions>()

  async connect(): Promise<void> {}
  async disconnect(): Promise<void> {}
  async synchronize(): Promise<void> {}

  async getFromCache({ identifier, query }: CacheOptions): Promise<CacheOptions | undefined> {
    return this.results.get(identifier ?? query ?? '')
  }

  async storeInCache(options: CacheOptions): Promise<void> {
    this.results.set(options.identifier ?? options.query ?? '', options)
  }

  isExpired({ time = 0, duration }: CacheOptions): boolean {
    return time + duration < Date.now()
  }

  async clear(): Promise<void> {
    this.results.clear()
  }

  async remove(identifiers: string[]): Promise<void> {
    for (const identifier of identifiers) this.results.delete(identifier)
  }
}
