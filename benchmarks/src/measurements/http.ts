import { startProcess, type AnsweringProcess } from '../answering-process.ts'
import type { Dataset } from '../dataset.ts'
import { randomTask } from '../dataset.ts'
import type { Application, ApplicationSession } from '../http/application.ts'
import type { Load, LoadRequest } from '../http/load-process.ts'
import type { Rounds } from '../interleave.ts'
import { interleave } from '../interleave.ts'
import type { Network } from '../network.ts'
import { median, pairedRatio } from '../statistics.ts'
import { openSession } from '../ways/open-session.ts'
import { idleSince, processorTimes } from './processor-times.ts'

export interface HttpRow {
  readonly network: string
  readonly application: string
  /** Connections of autocannon, on each of which one request follows the other. */
  readonly clients: number
  /** Median of the rounds. */
  readonly requestsPerSecond: number
  /** Median of the rounds' ratios to the first application. */
  readonly ratio: number
  /** What the ratio should be at least; null where nothing is aimed at. */
  readonly reach: number | null
  /** Of a request, in milliseconds: medians of the rounds' percentiles. */
  readonly p50: number
  readonly p99: number
  /** Processor time of the application for one request, in microseconds: median of the rounds. */
  readonly applicationCpu: number
  /** Share of this machine's processor time that nobody used, 0 to 1. */
  readonly idle: number
  /** Instances that Nest makes of classes for one request. */
  readonly instances: number
}

/** Of the application to the database. */
const connections = 10

/** One waits for the database; ten keep the application's thread busy. */
const clientCounts = [1, 10]

type LoadProcess = AnsweringProcess<LoadRequest, Load>

/**
 * As many requests as autocannon gets answered, for each number of clients; the first application is the baseline. The
 * distance is to the database.
 */
export async function measureHttp(
  applications: readonly Application[],
  network: Network,
  dataset: Dataset,
  { rounds, millisecondsPerRound }: Rounds,
): Promise<HttpRow[]> {
  const { connectionStrings } = network
  const file = new URL('../http/load-process.ts', import.meta.url)
  const load: LoadProcess = startProcess(file, 'The process of autocannon')
  const sessions: ApplicationSession[] = []
  try {
    for (const application of applications)
      sessions.push(await openSession(application, { connectionStrings, dataset, connections }))
    const instances: number[] = []
    for (const session of sessions) instances.push(await countInstances(session, dataset))
    const rows: HttpRow[] = []
    for (const clients of clientCounts) {
      const measure = ({ url }: ApplicationSession) =>
        measureSlice(load, { url, dataset, connections: clients, milliseconds: millisecondsPerRound })
      await interleave(sessions, 1, measure)
      const slices = await interleave(sessions, rounds, measure)
      const rates = slices.map((ofOne) => ofOne.map((slice) => slice.requestsPerSecond))
      for (const [index, { title, reach }] of applications.entries())
        rows.push({
          network: network.name,
          application: title,
          clients,
          ratio: pairedRatio(rates[index]!, rates[0]!),
          reach: reach?.[network.name] ?? null,
          instances: instances[index]!,
          ...medians(slices[index]!),
        })
    }
    return rows
  } finally {
    await Promise.all([load, ...sessions].map((each) => each.close()))
  }
}

type Slice = Pick<HttpRow, 'requestsPerSecond' | 'p50' | 'p99' | 'applicationCpu' | 'idle'>

async function measureSlice(load: LoadProcess, request: LoadRequest): Promise<Slice> {
  const before = processorTimes()
  const cpu = process.cpuUsage()
  const { answers, wrong, ...numbers } = await load.ask(request)
  if (wrong !== null) throw new Error(wrong)
  const { user, system } = process.cpuUsage(cpu)
  return { ...numbers, applicationCpu: (user + system) / answers, idle: idleSince(before) }
}

function medians(slices: readonly Slice[]): Slice {
  const of = (name: keyof Slice) => median(slices.map((slice) => slice[name]))
  return {
    requestsPerSecond: of('requestsPerSecond'),
    p50: of('p50'),
    p99: of('p99'),
    applicationCpu: of('applicationCpu'),
    idle: of('idle'),
  }
}

async function countInstances(session: ApplicationSession, dataset: Dataset): Promise<number> {
  const requests = 10
  const before = session.instances()
  for (let request = 0; request < requests; request += 1) await session.query(randomTask(dataset))
  return (session.instances() - before) / requests
}
