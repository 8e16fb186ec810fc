import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { startProcess, type AnsweringProcess } from '../src/answering-process.ts'
import { createDataset, expectedRows, taskOfProject } from '../src/dataset.ts'
import type { Load, LoadRequest } from '../src/http/load-process.ts'
import { tenantHeader } from '../src/http/task-request.ts'

const dataset = createDataset(2_000, 20)

let server: Server
let load: AnsweringProcess<LoadRequest, Load>

afterEach(async () => {
  await load.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

/** Loads a server that answers the nth request, counted from 0, with the rows of a project. */
async function loadServer(projectOf: (asked: number, index: number) => number): Promise<Load> {
  let requests = 0
  server = createServer((request, response) => {
    const asked = Number(/^\/projects\/(\d+)\/tasks$/.exec(request.url!)![1])
    const task = taskOfProject(dataset, projectOf(asked, requests))
    requests += 1
    const isOwn = request.headers[tenantHeader] === taskOfProject(dataset, asked).tenantId
    response.end(JSON.stringify(isOwn ? expectedRows(task) : []))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  load = startProcess(new URL('../src/http/load-process.ts', import.meta.url), 'autocannon')
  return await load.ask({ url: `http://127.0.0.1:${port}`, dataset, connections: 2, milliseconds: 20 })
}

it('counts the answers of an application that are right', async () => {
  const { answers, wrong, ...numbers } = await loadServer((asked) => asked)
  expect(wrong).toBeNull()
  expect(answers).toBeGreaterThanOrEqual(10)
  for (const number of Object.values(numbers)) expect(number).toBeGreaterThan(0)
})

it('says so when one answer among many has the rows of another tenant', async () => {
  const { wrong } = await loadServer((asked, index) => (index === 9 ? asked + 1 : asked))
  expect(wrong).toMatch(/^\/projects\/\d+\/tasks answered 200: \[/)
})
