import type { Phase } from '../plan/plan.ts'

/** A file to write. */
export interface RenderedFile {
  /** Relative to the folder with the migrations, with `/`. */
  readonly path: string
  readonly content: string
}

/** What all renderers understand. */
export interface RenderOptions {
  /**
   * Only the steps of this phase, or of these; by default all. An online plan is best rendered twice: `['expand', 'backfill',
   * 'protect']` to be applied before the new application is rolled out, and `'contract'` for afterwards.
   */
  readonly phase?: Phase | readonly Phase[]
  /**
   * For how many milliseconds a step waits for a lock, during which everything else waits behind it. 2000 by default for
   * online plans; for offline ones, as the session has it.
   */
  readonly lockTimeout?: number
}

/** What renderers of migrations understand besides. */
export interface MigrationOptions extends RenderOptions {
  /** The migration's name, `tenancy` by default. What does not belong into a file name becomes `_`. */
  readonly name?: string
  /** What the migration is ordered by among the others; now, by default. */
  readonly timestamp?: Date
}

/** A migration's name as a part of a file's. */
export function fileName({ name = 'tenancy' }: MigrationOptions): string {
  return name.replaceAll(/[^A-Za-z0-9]+/g, '_').replaceAll(/^_+|_+$/g, '') || 'tenancy'
}

/** `20260131235959`, in UTC. */
export function digitsOf(timestamp: Date): string {
  return timestamp.toISOString().replaceAll(/\D/g, '').slice(0, 14)
}
