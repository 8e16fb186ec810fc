import { join } from 'node:path'
import { formatWithOptions } from 'node:util'
import { claimedError, claimedOutputs, fileNameOf, withoutLayout, type Block } from './blocks.ts'

/** What came of a block: what it printed, and the code of the error that it ended with. */
export interface Outcome {
  readonly outputs: readonly string[]
  readonly error: string | undefined
}

/** What a block says will come of it. */
export function claimsOf({ code }: Block): Outcome {
  return { outputs: claimedOutputs(code), error: claimedError(code) }
}

/**
 * Runs a block, which was written to `folder` as a module, and keeps what it prints.
 *
 * @throws whatever the block does, unless it says so
 */
export async function runBlock(block: Block, folder: string): Promise<Outcome> {
  const outputs: string[] = []
  const { log } = console
  console.log = (...values: unknown[]) => {
    outputs.push(withoutLayout(formatWithOptions({ colors: false }, ...values)))
  }
  try {
    await import(join(folder, fileNameOf(block)))
    return { outputs, error: undefined }
  } catch (error) {
    if (claimedError(block.code) === undefined) throw error
    return { outputs, error: String((error as { code?: unknown }).code ?? error) }
  } finally {
    console.log = log
  }
}
