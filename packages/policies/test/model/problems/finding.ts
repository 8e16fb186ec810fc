import { expect } from 'vitest'
import type { Catalogue } from '../../../src/catalogue/catalogue.ts'
import { defineTenancy } from '../../../src/model/define-tenancy.ts'
import { resolveTenancy } from '../../../src/model/resolve-tenancy.ts'
import type { TenancyOptions } from '../../../src/model/tenancy.ts'
import type { Problem } from '../../../src/problem.ts'
import { openSchemaReader, problemsOf, type SchemaReader } from '../schema-reader.ts'

/** A database in which schemas are made that a tenancy does not fit. */
export interface Finder extends SchemaReader {
  /**
   * What keeps a tenancy from fitting the tables that `sql` makes.
   *
   * @param options Of the tenancy, of a table `tenants` unless they say otherwise.
   * @param otherwise Other schemas to read than the tenancy's, and what only the catalogue is made to say.
   */
  problems(
    sql: string,
    options?: Partial<TenancyOptions>,
    otherwise?: { schemas?: readonly string[]; change?: (catalogue: Catalogue) => Partial<Catalogue> },
  ): Promise<readonly Problem[]>
}

export async function openFinder(name: string): Promise<Finder> {
  const reader = await openSchemaReader(name)
  return {
    ...reader,
    async problems(sql, options = {}, { schemas, change = () => ({}) } = {}) {
      const tenancy = defineTenancy({ tenantTable: 'tenants', ...options })
      const catalogue = await reader.read(sql, schemas ?? tenancy.schemas)
      return problemsOf(() => resolveTenancy(tenancy, { ...catalogue, ...change(catalogue) }))
    },
  }
}

/** That there is one problem, and that its texts name things. */
export function expectOne(
  found: readonly Problem[],
  { code, object, message, fix }: { code: string; object: string; message: string; fix: string },
): void {
  expect(found).toHaveLength(1)
  expect(found[0]).toMatchObject({
    code,
    object,
    message: expect.stringContaining(message),
    fix: expect.stringContaining(fix),
  })
}

/** What is wrong with what, in the order in which it is told. */
export function told(problems: readonly Problem[]): readonly (readonly [code: string, object: string])[] {
  return problems.map(({ code, object }) => [code, object])
}

export const TENANTS = 'CREATE TABLE tenants (id uuid PRIMARY KEY);'
export const WORK = `${TENANTS} CREATE TABLE projects (id int PRIMARY KEY, tenant_id uuid NOT NULL);
  CREATE TABLE members (id int PRIMARY KEY, tenant_id uuid NOT NULL);`
