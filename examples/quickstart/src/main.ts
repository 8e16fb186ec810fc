import { once } from 'node:events'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TenantryError } from '@tenantry/core'
import { renderSql } from '@tenantry/policies'
import { startPostgres, type TestDatabase, type TestPostgres } from '@tenantry/testing'
import { Command } from 'commander'
import { sizeOfDataFile, UsageError } from './data-file.ts'
import { describePlan } from './describe-plan.ts'
import { keepOpen } from './keep-open.ts'
import { loadData } from './load-data.ts'
import { prepareDatabase } from './prepare-database.ts'
import { startProgressBar } from './progress-bar.ts'
import { kindNames, recordKinds } from './record-format.ts'
import { createReport } from './tour/report.ts'
import { runTour } from './tour/run-tour.ts'

const exampleData = fileURLToPath(new URL('../data/companies.jsonl.gz', import.meta.url))

const {
  data,
  keep,
  plan: planOnly,
} = new Command('npm run demo --')
  .description(
    'A project-management SaaS on one PostgreSQL: what a company in it can do, and what it cannot.',
  )
  .option('--data <file>', 'your own companies, as .jsonl or .jsonl.gz (format: README.md)')
  .option('--plan', 'print the SQL of the plan that keeps the companies in the tables apart, and do no more')
  .option('--keep', 'leave the server up afterwards, to look around with psql')
  .parse()
  .opts<{ data?: string; keep?: boolean; plan?: boolean }>()

// npm changes the folder; a relative path is meant from where the command was typed.
const path = data === undefined ? exampleData : resolve(process.env['INIT_CWD'] ?? '', data)

// Once: a second Ctrl-C ends the process at once, and the server with it.
const interruption = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => interruption.abort())
// The reader of a pipe, such as head, has seen enough.
process.stdout.on('error', () => interruption.abort())

try {
  await demo(interruption.signal)
} catch (error) {
  process.exitCode = 1
  if (interruption.signal.aborted) {
    console.error('Interrupted.')
    process.exitCode = 130
  } else {
    console.error(error instanceof UsageError || TenantryError.isInstance(error) ? error.message : error)
  }
}

async function demo(signal: AbortSignal): Promise<void> {
  const size = await sizeOfDataFile(path)
  const server = await startServer()
  try {
    const database = await server.createDatabase()
    await unlessAborted(planOnly ? printPlan(database) : planLoadAndTour(database, size, signal), signal)
    if (keep) await keepOpen(database, signal)
  } finally {
    await server.stop()
  }
}

/** Stops waiting for the work when the signal comes; the work itself then fails for want of a server. */
async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = signal.aborted ? Promise.resolve() : once(signal, 'abort')
  await Promise.race([work, aborted.then(() => signal.throwIfAborted())])
}

async function printPlan(database: TestDatabase): Promise<void> {
  console.log(renderSql(await prepareDatabase(database.urls.owner)))
}

async function planLoadAndTour(database: TestDatabase, size: number, signal: AbortSignal): Promise<void> {
  console.log(describePlan(await prepareDatabase(database.urls.owner)).join('\n'))
  await load(database.urls.system, size, signal)
  const report = createReport(console.log)
  await runTour(database.urls, report)

  const { checks, wrong } = report.totals()
  if (wrong > 0) process.exitCode = 1
  report.note(
    `\n${wrong === 0 ? `All ${checks} statements hold.` : `${wrong} of ${checks} statements are WRONG.`}`,
  )
}

/** The server that npm ships, unless the environment asks for another: see startPostgres. */
function startServer(): Promise<TestPostgres> {
  const asksForAnother = process.env['TENANTRY_TEST_POSTGRES'] || process.env['TENANTRY_TEST_DATABASE_URL']
  return startPostgres(asksForAnother ? {} : { provider: 'embedded' })
}

async function load(connectionString: string, size: number, signal: AbortSignal): Promise<void> {
  const start = performance.now()
  const progress = startProgressBar(size)
  try {
    const counts = await loadData({ connectionString, path, onProgress: progress.update, signal })
    const seconds = ((performance.now() - start) / 1000).toFixed(1)
    const numbers = kindNames.map(
      (kind) => `${counts[kind].toLocaleString('en-US')} ${recordKinds[kind].table}`,
    )
    progress.stop()
    console.log(`Loaded ${numbers.join(', ')} in ${seconds} s.`)
  } finally {
    progress.stop()
  }
}
