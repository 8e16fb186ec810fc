import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { isDrizzle1 } from './drizzle-release.ts'

const packageFolder = join(import.meta.dirname, '..')

/** Imports an entry in a process of its own, and prints what it exports and the drivers that were asked for. */
const program = (entry: string): string => `
  import { registerHooks } from 'node:module'
  const drivers = new Set()
  registerHooks({
    resolve(specifier, context, next) {
      const [name] = specifier.split('/')
      if (name === 'pg' || name === 'postgres') drivers.add(name)
      return next(specifier.replace(/^drizzle-orm(?=$|\\/)/, '${isDrizzle1 ? 'drizzle-orm-1.0' : 'drizzle-orm'}'), context)
    },
  })
  const names = Object.keys(await import('${entry}'))
  console.log(JSON.stringify({ names: names.sort(), drivers: [...drivers] }))`

test.each([
  ['@tenantry/drizzle', ['tenantCache', 'tenantForeignKey', 'tenantId', 'tenantIsolation'], []],
  ['@tenantry/drizzle/node-postgres', ['drizzle'], ['pg']],
  ['@tenantry/drizzle/postgres-js', ['drizzle'], ['postgres']],
])('%s exports %j and needs the drivers %j', async (entry, names, drivers) => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=@tenantry/source', '--input-type=module', '--eval', program(entry)],
    { cwd: packageFolder },
  )
  expect(JSON.parse(stdout)).toEqual({ names, drivers })
})
