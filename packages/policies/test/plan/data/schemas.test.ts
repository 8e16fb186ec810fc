import { afterEach, describe, expect, test } from 'vitest'
import type { OpenDatabase } from '../../support/open-database.ts'
import { proveBothWays, proveCuts, spanning } from './support/scenario.ts'
import { openSchema, schemas } from './support/schemas.ts'

let database: OpenDatabase
afterEach(() => database.close())

describe.each(schemas)('$name', (schema) => {
  test('ends the same in both shapes, plans empty then, and is taken back', async () => {
    database = await openSchema(schema)
    const { offline, online } = await proveBothWays(database.owner, schema.model)
    expect(online.tenancy.catalogue).toEqual(offline.tenancy.catalogue)
    const { serverVersion } = online.tenancy.catalogue
    const old = serverVersion < 150_000 ? schema.spanningBefore15 : undefined
    expect(spanning(online)).toEqual(old ?? schema.spanning)
  })

  // A few cuts of each; cuts.test.ts makes every cut of a plan that has all kinds of steps.
  test('ends the same after a cut, whoever goes on', async () => {
    database = await openSchema(schema)
    expect(await proveCuts(database.owner, schema.model, 4)).not.toEqual([])
  }, 300_000)
})
