import { readFile, stat } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { generateRecords } from '../src/generate-data.ts'

const shipped = new URL('../data/companies.jsonl.gz', import.meta.url)

it('makes the very records that the example ships', async () => {
  const records = gunzipSync(await readFile(shipped)).toString()
  const generated = [...generateRecords()].map((record) => `${JSON.stringify(record)}\n`).join('')
  // Not toEqual, which would print twelve megabytes.
  expect(generated === records, 'run `npm run generate-data` in examples/quickstart').toBe(true)
})

it('makes companies of very uneven size, in a file under 2 MB', async () => {
  const sizes = new Map<unknown, number>()
  for (const { kind, tenant_id } of generateRecords()) {
    if (kind === 'task') sizes.set(tenant_id, (sizes.get(tenant_id) ?? 0) + 1)
  }
  const sorted = [...sizes.values()].toSorted((a, b) => b - a)
  expect(sorted.length).toBeGreaterThan(300)
  expect(sorted[0]!).toBeGreaterThan(40 * sorted[Math.floor(sorted.length / 2)]!)
  expect((await stat(shipped)).size).toBeLessThan(2_000_000)
})
