import { expect } from 'vitest'
import type { Catalogue } from '../../src/catalogue/catalogue.ts'
import { TenantryError } from '../../src/errors.ts'
import { inferTenancy } from '../../src/inference/infer-tenancy.ts'
import type { Inference, InferredTable, InferOptions, Question } from '../../src/inference/inference.ts'
import { defineTenancy } from '../../src/model/define-tenancy.ts'
import { resolveTenancy } from '../../src/model/resolve-tenancy.ts'
import type { TenancyOptions } from '../../src/model/tenancy.ts'
import type { Problem } from '../../src/problem.ts'
import { openSchemaReader, type SchemaReader } from '../model/schema-reader.ts'

/** A database in which schemas are made whose tenancy is to be found. */
export interface Inferrer extends SchemaReader {
  /** What is found in the tables that `sql` makes, and the catalogue that it was found in. */
  infer(sql: string, options?: InferOptions): Promise<{ catalogue: Catalogue; found: Inference }>
}

export async function openInferrer(name: string): Promise<Inferrer> {
  const reader = await openSchemaReader(name)
  return {
    ...reader,
    async infer(sql, options) {
      const catalogue = await reader.read(sql)
      return { catalogue, found: inferTenancy(catalogue, options) }
    },
  }
}

/** Each table in a line: what it is, by what, how sure. */
export function summary({ tables }: Inference): Record<string, string> {
  return Object.fromEntries(
    tables.map(({ table, kind, column, through, confidence }) => {
      const by = through ? ` through ${through.join(', ')}` : column ? ` by ${column}` : ''
      return [table, `${confidence}: ${kind ?? '?'}${by}`]
    }),
  )
}

export function tableIn({ tables }: Inference, name: string): InferredTable {
  const found = tables.find(({ table }) => table === name)
  if (!found) throw new Error(`There is no ${name}`)
  return found
}

export function questionIn({ questions }: Inference, name: string): Question {
  const found = questions.find(({ table }) => table === name)
  if (!found) throw new Error(`Nothing is asked about ${name}`)
  return found
}

/** That the proposal is a tenancy, and that it fits the database but for what was asked. */
export function expectToFit(catalogue: Catalogue, { options, questions }: Inference): void {
  if (!options) throw new Error('There is no proposal')
  const asked = new Set(questions.map(({ table }) => `public.${table ?? ''}`))
  const problems = problemsFitting(catalogue, options)
  expect(problems.filter(({ object, code }) => code !== 'KIND_MISSING' || !asked.has(object))).toEqual([])
}

function problemsFitting(catalogue: Catalogue, options: TenancyOptions): readonly Problem[] {
  try {
    resolveTenancy(defineTenancy(options), catalogue)
    return []
  } catch (error) {
    if (TenantryError.isInstance(error) && error.code === 'TENANCY_DOES_NOT_FIT') return error.problems
    throw error
  }
}
