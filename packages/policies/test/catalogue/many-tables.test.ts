import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Catalogue } from '../../src/catalogue/catalogue.ts'
import { readCatalogue } from '../../src/catalogue/read-catalogue.ts'
import { openDatabase, type OpenDatabase } from '../support/open-database.ts'
import { tableOf } from './support/find.ts'

/** In transactions of 100 tables, since each holds locks on all it made. */
const setup = `
  create function make_tables(low int, high int) returns void language plpgsql as $$ begin
    for number in low..high loop
      execute format('create table t%s (id bigserial primary key, tenant_id uuid not null, a text default ''x'', b int,
        c text, d timestamptz default now(), e jsonb, f numeric(10, 2) check (f > 0), g varchar(20),
        parent bigint references t%s on delete cascade, unique (tenant_id, a))', number, greatest(1, number - 1));
      execute format('create policy p1 on t%s using (tenant_id is not null)', number);
      execute format('create policy p2 on t%s as restrictive using (tenant_id is not null)', number);
      execute format('grant select, insert on t%s to tenantry_app', number);
    end loop;
  end $$;
`

let opened: OpenDatabase

beforeAll(async () => {
  opened = await openDatabase('catalogue-many', setup)
})

afterAll(() => opened.close())

async function readCounting(): Promise<{ readonly catalogue: Catalogue; readonly statements: number }> {
  let statements = 0
  const catalogue = await readCatalogue((text, values) => {
    statements++
    return opened.owner(text, values)
  })
  return { catalogue, statements }
}

it('reads 1,000 tables in as many statements as one', { timeout: 120_000 }, async () => {
  await opened.owner('select make_tables(1, 1)')
  const one = await readCounting()
  expect(one.statements).toBeLessThan(30)
  for (let low = 2; low <= 1000; low += 100)
    await opened.owner(`select make_tables(${low}, ${Math.min(1000, low + 99)})`)

  const { catalogue, statements } = await readCounting()
  expect(statements).toBe(one.statements)
  expect(catalogue.tables).toHaveLength(1000)
  expect(catalogue.sequences).toHaveLength(1000)
  const parts = catalogue.tables.map(({ columns, checks, foreignKeys, indexes, policies }) =>
    [columns, checks, foreignKeys, indexes, policies].map((list) => list.length),
  )
  expect(new Set(parts.map(String))).toEqual(new Set(['10,1,1,2,2']))
  expect(tableOf(catalogue, 't777').foreignKeys).toMatchObject([{ references: { name: 't776' } }])
})
