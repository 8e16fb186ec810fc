import { entityKind } from 'drizzle-orm'
import { Cache } from 'drizzle-orm/cache/core'
import type { Mutation } from './tenant-cache.ts'

/** What a transaction has for a cache: nothing to read, nowhere to put rows that may be rolled back, and a note of its writes. */
export class TransactionCache extends Cache {
  static override readonly [entityKind]: string = 'TransactionCache'
  readonly mutations: Mutation[] = []

  override strategy(): 'explicit' {
    return 'explicit'
  }

  override async get(): Promise<undefined> {}

  override async put(): Promise<void> {}

  override async onMutate(mutation: Mutation): Promise<void> {
    this.mutations.push(mutation)
  }
}
