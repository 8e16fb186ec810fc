import { expect, it } from 'vitest'
import type { HttpRow } from '../src/measurements/http.ts'
import { httpTables } from '../src/report-http.ts'

function row(network: string, clients: number, ratio: number, reach: number | null = null): HttpRow {
  return {
    network,
    application: 'Nest',
    clients,
    requestsPerSecond: 1_000,
    ratio,
    reach,
    p50: 1,
    p99: 2,
    applicationCpu: 300,
    idle: 0.5,
    instances: 0,
  }
}

it('has a table for each distance and number of clients', () => {
  const rows = [row('loopback', 1, 1), row('loopback', 10, 1), row('1 ms', 1, 1), row('1 ms', 1, 0.9)]
  expect(httpTables(rows).map((table) => [table.title, table.rows.length])).toEqual([
    ['Requests to a Nest application, 1 client, database: loopback', 1],
    ['Requests to a Nest application, 10 clients, database: loopback', 1],
    ['Requests to a Nest application, 1 client, database: 1 ms', 2],
  ])
})

it('says whether an application answers as many requests as it should', () => {
  const [table] = httpTables([
    row('1 ms', 1, 1),
    row('1 ms', 1, 0.946, 0.95),
    row('1 ms', 1, 0.944, 0.95),
    row('1 ms', 1, 1.2, 0.95),
  ])
  const toReach = table!.head.indexOf('to reach')
  expect(table!.rows.map((cells) => cells[toReach])).toEqual([
    '',
    '0.95x: reached',
    '0.95x: missed',
    '0.95x: reached',
  ])
})
