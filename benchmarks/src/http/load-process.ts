// The child process behind measureHttp: run by fork, never imported for its values.
import autocannon, { type Client, type Instance, type Request } from 'autocannon'
import type { Dataset } from '../dataset.ts'
import { expectedRows, randomTask } from '../dataset.ts'
import { percentile } from '../statistics.ts'
import { requestFor } from './task-request.ts'

export interface LoadRequest {
  /** Where the application listens. */
  readonly url: string
  /** Whose tasks are asked for. */
  readonly dataset: Dataset
  readonly connections: number
  readonly milliseconds: number
}

/** What autocannon saw of one application for a while. */
export interface Load {
  readonly requestsPerSecond: number
  /** In milliseconds. */
  readonly p50: number
  readonly p99: number
  /** Every answer, those that are not part of the numbers too. */
  readonly answers: number
  /** What was wrong with the first answer that was; null if all were right. */
  readonly wrong: string | null
}

/** So many answers of each connection come first and are not counted: connecting, and caches full of another application. */
const uncounted = 3

/** So many are asked for over and over, all connections together. */
const differentRequests = 200

/** However long it takes, so many are counted. */
const atLeast = 10

/** In seconds: it is told to stop before. */
const longEnough = 3600

async function run(request: LoadRequest): Promise<Load> {
  const { url, connections, milliseconds } = request
  const latencies: number[] = []
  let answers = 0
  let firstAt = 0
  let lastAt = 0
  let wrong: string | null = null
  const report = (what: string) => void (wrong ??= what)

  await fire(request, report, (instance) => {
    // Its own figures are of whole milliseconds and whole samples.
    instance.on('response', (_client, _status, _bytes, latency) => {
      answers += 1
      lastAt = performance.now()
      if (answers === uncounted * connections) firstAt = lastAt
      if (answers > uncounted * connections) latencies.push(latency)
      const isEnough = latencies.length >= atLeast && lastAt - firstAt >= milliseconds
      if (isEnough || wrong !== null) instance.stop()
    })
    instance.on('reqError', (error: Error) => {
      report(`${url} did not answer: ${error.message}`)
      instance.stop()
    })
  })
  if (wrong !== null) return { requestsPerSecond: 0, p50: 0, p99: 0, answers, wrong }
  return {
    requestsPerSecond: latencies.length / ((lastAt - firstAt) / 1000),
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    answers,
    wrong,
  }
}

function fire(
  { url, connections, dataset }: LoadRequest,
  report: (what: string) => void,
  listen: (instance: Instance) => void,
): Promise<void> {
  const requestsEach = Math.ceil(differentRequests / connections)
  const setupClient = (client: Client) =>
    client.setRequests(Array.from({ length: requestsEach }, () => randomRequest(dataset, report)))
  return new Promise((resolve, reject) => {
    const options = { url, connections, duration: longEnough, sampleInt: 10, setupClient }
    listen(autocannon(options, (error) => (error ? reject(error as Error) : resolve())))
  })
}

/** What is asked for a task, and a look at whether the answer is the only one that is right. */
function randomRequest(dataset: Dataset, report: (what: string) => void): Request {
  const task = randomTask(dataset)
  const { path, headers } = requestFor(task)
  const expected = JSON.stringify(expectedRows(task))
  return {
    path,
    headers: { ...headers },
    onResponse(status, body) {
      if (status !== 200 || body !== expected) report(`${path} answered ${status}: ${body}`)
    },
  }
}

process.on('message', (request: LoadRequest) => void run(request).then((load) => process.send!(load)))
process.on('disconnect', () => process.exit())
