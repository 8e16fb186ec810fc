// The whole check, in order, up to the first step that fails: `npm test`. Single steps: `npm test types lint`.
import { styleText } from 'node:util'
import { runProgram } from './run-program.mjs'
import { repositoryRoot } from './workspace-folders.mjs'

interface Step {
  readonly name: string
  readonly purpose: string
  readonly command: readonly [program: string, ...programArguments: string[]]
}

// What is quick and what explains other failures comes first. The tests come last: they end with the totals.
const steps: readonly Step[] = [
  { name: 'types', purpose: 'The sources type-check', command: ['tsc'] },
  { name: 'lint', purpose: 'No lint', command: ['oxlint', '--type-aware', '--deny-warnings'] },
  { name: 'format', purpose: 'Everything is formatted', command: ['oxfmt', '--check'] },
  { name: 'boundaries', purpose: 'Packages import only what they may', command: script('check-boundaries') },
  { name: 'docs', purpose: 'The documentation is whole', command: script('check-docs') },
  { name: 'build', purpose: 'The packages build', command: script('build') },
  { name: 'packages', purpose: 'The packages are well made', command: script('check-packages') },
  {
    name: 'built',
    purpose: 'The built packages load on the Node of this machine',
    command: script('check-built'),
  },
  { name: 'packed', purpose: 'The packages install and work elsewhere', command: script('check-packed') },
  { name: 'tests', purpose: 'The tests pass', command: script('check-tests') },
]

function script(name: string): Step['command'] {
  return [process.execPath, `scripts/${name}.ts`]
}

async function check(names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !steps.some((step) => step.name === name))
  if (unknown.length > 0) {
    console.error(
      `No such step: ${unknown.join(', ')}. The steps are ${steps.map((step) => step.name).join(', ')}.`,
    )
    return 2
  }
  for (const step of steps) {
    if (names.length > 0 && !names.includes(step.name)) continue
    console.log(styleText('bold', `\n■ ${step.name}: ${step.purpose}`))
    const [program, ...programArguments] = step.command
    const code = await runProgram(program, programArguments, {
      cwd: repositoryRoot,
      shell: process.platform === 'win32',
    })
    // The tests have said it themselves, and their totals are to be the last line.
    if (code !== 0 && step.name !== 'tests') {
      console.error(
        styleText('red', `\n${step.name} failed with exit code ${code}. Alone: npm test ${step.name}`),
      )
    }
    if (code !== 0) return code
  }
  return 0
}

process.exitCode = await check(process.argv.slice(2))
