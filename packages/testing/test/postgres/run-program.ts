import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** How a program ended, and everything it wrote. */
export interface ProgramEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly output: string
  readonly errors: string
}

/** A Node process of a test's own, running one of the programs beside this file from the sources. */
export interface RunningProgram {
  /** Sends a signal to it. */
  kill(signal: NodeJS.Signals): void
  /** The first line that it printed, as JSON. Rejects, with what it complained about, if it ended before. */
  readonly firstLine: Promise<unknown>
  /** How it ended. */
  readonly ended: Promise<{
    code: number | null
    signal: NodeJS.Signals | null
    output: string
    errors: string
  }>
}

/** Starts `programs/<name>.ts`, or the program at an absolute path. */
export function runProgram(
  name: string,
  options: { values?: string[]; env?: NodeJS.ProcessEnv; uid?: number; gid?: number; cwd?: string } = {},
): RunningProgram {
  const { values = [], env, ...rest } = options
  const file = name.startsWith('/') ? name : fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url))
  // Without what the test runner and the package manager set for themselves: NODE_PATH would find every package.
  const { NODE_OPTIONS: _options, NODE_PATH: _path, VITEST: _vitest, ...inherited } = process.env
  const child = spawn(process.execPath, ['--conditions=@tenantry/source', file, ...values], {
    ...rest,
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  child.on('error', (error) => (errors += error.message))
  const ended = new Promise<ProgramEnd>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, output, errors }))
  })
  const firstLine = new Promise<unknown>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
      const end = output.indexOf('\n')
      if (end >= 0) resolve(JSON.parse(output.slice(0, end)))
    })
    void ended.then(() => reject(new Error(`the program ended without a word on standard output: ${errors}`)))
  })
  firstLine.catch(() => {})
  return { kill: (signal) => void child.kill(signal), firstLine, ended }
}
