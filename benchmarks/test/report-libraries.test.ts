import { expect, it } from 'vitest'
import type { LibrariesRow } from '../src/measurements/libraries.ts'
import { libraryTables } from '../src/report-libraries.ts'

function row(library: string, network: string, ratio: number, reach: number | null = null): LibrariesRow {
  return {
    library,
    network,
    way: library,
    median: 1,
    p95: 2,
    ratio,
    clientCpu: 100,
    roundTrips: 1,
    reach,
  }
}

const rows = [
  row('Kysely', 'loopback', 1),
  row('Kysely', 'loopback', 1.154, 1.15),
  row('Kysely', 'loopback', 0.91, 0.9),
  row('postgres.js', 'loopback', 1),
  row('postgres.js', 'loopback', 1.2),
  row('postgres.js', '2 ms', 1),
  row('postgres.js', '2 ms', 1.05, 1.1),
]

it('says whether a library with Tenantry takes no longer than it may', () => {
  const [loopback, distant] = libraryTables(rows)
  const toReach = loopback!.head.indexOf('to reach')
  expect(loopback!.rows.map((cells) => cells[toReach])).toEqual([
    '',
    '1.15x: reached',
    '0.90x: missed',
    '',
    '',
  ])
  expect(distant!.rows.map((cells) => cells[toReach])).toEqual(['', '1.10x: reached'])
})

it('has one short table, with a row for each library and distance at which it was measured', () => {
  expect(libraryTables(rows).at(-1)!.rows).toEqual([
    ['Kysely', 'loopback', '1.000 ms', '1.15x', '0.91x'],
    ['postgres.js', 'loopback', '1.000 ms', '1.20x', ''],
    ['postgres.js', '2 ms', '1.000 ms', '1.05x', ''],
  ])
})
