import type { DataSource } from 'typeorm'

/** What `initialize()` calls, as TypeORM has it for its subclasses. */
interface MetadataBuilder {
  buildMetadatas(): Promise<void>
}

/**
 * Calls `fn` whenever a data source has built its metadata, which each `initialize()` does afresh, and before it
 * does anything else with its entities.
 */
export function afterMetadata(dataSource: DataSource, fn: () => void): void {
  const builder = dataSource as unknown as MetadataBuilder
  const build = builder.buildMetadatas.bind(dataSource)
  builder.buildMetadatas = async () => {
    await build()
    fn()
  }
}
