import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startPostgres } from '@tenantry/testing'
import { Command, InvalidArgumentError, Option } from 'commander'
import { runBenchmark } from './benchmark.ts'
import { fullEffort, quickEffort } from './effort.ts'
import { renderPlans } from './report-policies.ts'
import { renderAsMarkdown, renderForTerminal } from './report.ts'
import type { Measurement } from './results.ts'
import { measurements } from './results.ts'
import { libraries } from './ways/libraries.ts'
import { baseline, nodePostgresWays } from './ways/node-postgres.ts'

interface Arguments {
  readonly quick?: true
  readonly only: readonly Measurement[]
  readonly ways: readonly string[]
  readonly libraries: readonly string[]
  readonly rows?: number
  readonly heapQueries?: number
  readonly roundTrip: number
  readonly json?: string
  readonly markdown?: true
  readonly plans?: true
}

const names = nodePostgresWays.map((way) => way.name)
const libraryNames = libraries.map((library) => library.name)

const command = new Command('bench')
  .description(
    'Measures Tenantry against plain pg, ORMs by themselves, and the ways others scope a statement.',
  )
  .option('--quick', 'about a minute instead of nine: shows that everything runs, too little to quote')
  .addOption(listOption('--only <parts...>', 'the parts to measure', measurements))
  .addOption(listOption('--ways <ways...>', 'the ways to measure, besides the baseline', names))
  .addOption(listOption('--libraries <libraries...>', 'the libraries of the part libraries', libraryNames))
  .option('--rows <number>', 'rows of each table', positiveInteger)
  .option('--heap-queries <number>', 'queries over which the heap is watched', positiveInteger)
  .option('--round-trip <milliseconds>', 'round trip that the delaying proxy adds', positiveNumber, 1)
  .option('--json <file>', 'where to write the results (default: results/latest.json of this package)')
  .option('--markdown', 'print Markdown tables')
  .option('--plans', 'print how PostgreSQL runs each statement of the part policies')
  .parse()

function listOption(flags: string, description: string, choices: readonly string[]): Option {
  return new Option(flags, description).choices(choices).default([...choices], 'all')
}

function positiveNumber(text: string): number {
  const value = Number(text)
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('It must be a number above 0.')
  return value
}

function positiveInteger(text: string): number {
  const value = positiveNumber(text)
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('It must be a whole number.')
  return value
}

const chosen = command.opts<Arguments>()
const { quick, only, ways, rows, heapQueries, roundTrip, json, markdown, plans } = chosen
const effort = quick ? quickEffort : fullEffort
const file = json ?? fileURLToPath(new URL('../results/latest.json', import.meta.url))
const progress = (step: string) => process.stderr.write(`${step}\n`)

progress('starting PostgreSQL')
// Everything stays in memory, and nothing starts working by itself in the middle of a measurement.
const server = await startPostgres({ settings: { shared_buffers: '1GB', autovacuum: 'off' } })
try {
  const database = await server.createDatabase()
  const results = await runBenchmark({
    connectionStrings: database.urls,
    ways: nodePostgresWays.filter((way) => way === baseline || ways.includes(way.name)),
    libraries: libraries.filter((library) => chosen.libraries.includes(library.name)),
    effort: { ...effort, rows: rows ?? effort.rows, heapQueries: heapQueries ?? effort.heapQueries },
    only,
    roundTrip,
    onProgress: progress,
  })
  console.log(markdown ? renderAsMarkdown(results) : renderForTerminal(results))
  if (plans) console.log(`\n${renderPlans(results)}`)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(results, undefined, 2)}\n`)
  await database.drop()
} finally {
  await server.stop()
}
