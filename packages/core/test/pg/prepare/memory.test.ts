import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { openPool } from '../support/open-pool.ts'
import { preparedOn } from '../support/prepared-on.ts'
import { inTenant } from '../support/tenants.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Bytes of the heap in use, and of buffers beside it. */
function memory(): number {
  collectGarbage()
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const MEGABYTE = 2 ** 20

/** Sends so many different texts, each twice so that it would be prepared. */
async function sendDistinct(texts: number, from: number, padding: string): Promise<number> {
  return inTenant(1, async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1, prepare: true })
    const send = async (start: number, end: number) => {
      for (let number = start; number < end; number += 1) {
        const text = `select ${number} as number /* ${padding} */`
        for (let use = 0; use < 2; use += 1) {
          const { rows } = await pool.query(text)
          if ((rows as { number: number }[])[0]?.number !== number) throw new Error('a wrong result')
        }
      }
    }
    // What a pool remembers is full after some thousands; from there it must not grow.
    await send(from, from + texts / 2)
    const half = memory()
    await send(from + texts / 2, from + texts)
    const grown = memory() - half
    expect((await preparedOn(pool)).length).toBeLessThanOrEqual(101)
    return grown
  })
}

test('with prepare, 3,000 different statements more need no more memory than the 3,000 before', async () => {
  expect(await sendDistinct(6_000, 0, 'x'.repeat(1_000))).toBeLessThan(1.5 * MEGABYTE)
})

test('with prepare, long texts such as bulk INSERTs are not kept', async () => {
  const before = memory()
  await sendDistinct(600, 1_000_000, 'x'.repeat(100_000))
  expect(memory() - before).toBeLessThan(20 * MEGABYTE)
})
