import fc from 'fast-check'
import { expect, test } from 'vitest'
import { applyPlan, undoPlan } from '../../src/apply/apply-plan.ts'
import { checkPlan } from '../../src/apply/check-plan.ts'
import { displayName, identifier, literal } from '../../src/identifiers.ts'
import { arbitrarySchema } from './generated/arbitrary-schema.ts'
import { expectOwnReferences, expectOwnRows, expectOwnWrites } from './generated/expectations.ts'
import { type GeneratedSchema, idOf } from './generated/generated-schema.ts'
import { referenceValues, schemaSql, tableName, tenancyOf } from './generated/schema-sql.ts'
import { comparableCatalogue, planFor } from './support/catalogues.ts'
import { contentsOf } from './support/contents.ts'
import { newDatabase } from './support/database-copy.ts'

const SEED = Number(process.env['TENANTRY_TEST_SEED'] ?? 20_261_123)
/** More of them find more: set TENANTRY_TEST_RUNS for a night. */
const RUNS = Number(process.env['TENANTRY_TEST_RUNS'] ?? 30)
const FEWER = Math.ceil(RUNS / 3)
/** Many times what thirty take, and for more in proportion: only what hangs is interrupted. */
const MILLISECONDS = 10_000 * Math.max(RUNS, 30)

/** What a counterexample looks like. */
const shown = arbitrarySchema.map((generated) =>
  Object.assign(generated, {
    [fc.toStringMethod]: () =>
      `\n${schemaSql(generated)};\n-- ${generated.shape} ${JSON.stringify(tenancyOf(generated))}\n`,
  }),
)

async function expectSeparated(generated: GeneratedSchema): Promise<void> {
  const options = tenancyOf(generated)
  const database = await newDatabase(async (query) => {
    await query(schemaSql(generated))
  })
  try {
    const before = await comparableCatalogue(database.owner, options)
    const contents = await contentsOf(database.superuser)

    const plan = await planFor(database.owner, options, generated.shape)
    await applyPlan(database.owner, plan)
    for (const shape of ['offline', 'online'] as const) {
      const { steps } = await planFor(database.owner, options, shape)
      expect(steps.flatMap(({ statements }) => statements)).toEqual([])
    }

    await undoPlan(database.owner, plan)
    expect(await comparableCatalogue(database.owner, options)).toEqual(before)
    expect(await contentsOf(database.superuser)).toEqual(contents)

    await applyPlan(database.owner, plan)
    await expectOwnRows(database, generated)
    await expectOwnReferences(database, generated, plan)
    await expectOwnWrites(database, generated)
  } finally {
    await database.drop()
  }
}

/** Has A's first row of some table refer to B's, by a foreign key that is not how a child finds its tenant. */
async function expectFound(generated: GeneratedSchema, choice: number): Promise<void> {
  const references = generated.tables.flatMap((table) =>
    table.foreignKeys
      .filter(({ target }) => target?.kind === 'tenant' || target?.kind === 'child')
      .filter((foreignKey) => foreignKey !== table.path)
      .map((foreignKey) => ({ table, foreignKey })),
  )
  const reference = references[choice % Math.max(1, references.length)]
  fc.pre(reference !== undefined)
  const { table, foreignKey } = reference
  const ofB = Object.entries(referenceValues(generated, foreignKey, { tenant: 1, row: 0 }))
  const options = tenancyOf(generated)
  const database = await newDatabase(async (query) => {
    await query(schemaSql(generated))
    await query(
      `UPDATE ${tableName(generated, table)}
       SET ${ofB.map(([column, value]) => `${identifier(column)} = ${literal(String(value))}`).join(', ')}
       WHERE ${identifier(table.idColumn)} = ${literal(idOf(table.idType, 0, 0))}`,
    )
  })
  try {
    const before = await comparableCatalogue(database.owner, options)
    const plan = await planFor(database.owner, options, generated.shape)
    const object = displayName({ schema: generated.schema, name: table.name })
    const found = (await checkPlan(database.owner, plan)).map(
      (problem) => `${problem.code} ${problem.object} ${problem.rows?.count}`,
    )
    expect(found).toEqual([`TENANTS_MIXED ${object} 1`])
    await expect(applyPlan(database.owner, plan)).rejects.toMatchObject({ code: 'PLAN_BLOCKED' })
    expect(await comparableCatalogue(database.owner, options)).toEqual(before)
  } finally {
    await database.drop()
  }
}

test(
  `${RUNS} schemas that were made up (seed ${SEED}): after the plan, no tenant reads, writes or learns of another's rows`,
  { timeout: 2 * MILLISECONDS },
  async () => {
    await fc.assert(fc.asyncProperty(shown, expectSeparated), {
      seed: SEED,
      numRuns: RUNS,
      // What it has shrunk to by then is reported.
      interruptAfterTimeLimit: MILLISECONDS,
      markInterruptAsFailure: true,
    })
  },
)

test(
  `${FEWER} of them with one row that refers to another tenant's: it is found before anything is changed`,
  { timeout: 2 * MILLISECONDS },
  async () => {
    await fc.assert(fc.asyncProperty(shown, fc.nat(99), expectFound), {
      seed: SEED,
      numRuns: FEWER,
      interruptAfterTimeLimit: MILLISECONDS,
      markInterruptAsFailure: true,
    })
  },
)
