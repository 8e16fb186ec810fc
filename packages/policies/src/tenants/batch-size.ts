const DEFAULT_BATCH_SIZE = 1000

/** The number of rows that are handled together. */
export function positiveInteger(batchSize: number = DEFAULT_BATCH_SIZE): number {
  if (Number.isSafeInteger(batchSize) && batchSize > 0) return batchSize
  throw new RangeError(`batchSize is ${String(batchSize)}: give a whole number of rows, 1 or more.`)
}
