import { describe, expect, test } from 'vitest'
import { pgVersion } from '../support/pg-version.ts'
import { runProgram } from '../support/run-program.ts'
import { tenantId } from '../support/tenants.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

function runIdlePool(options: object, environment: Record<string, string> = {}) {
  return runProgram('idle-pool', {
    TENANT: tenantId(1),
    APP_URL: database.urls.app,
    SYSTEM_URL: database.urls.system,
    POOL_OPTIONS: JSON.stringify(options),
    ...environment,
  })
}

describe('a process with a TenantPool', () => {
  test('ends by itself once the pool has ended', async () => {
    const { exitCode, output } = await runIdlePool({ idleTimeoutMillis: 0, max: 3 }, { END: 'yes' })
    expect(output).toBe(`used ${pgVersion}\n3 removed\n`)
    expect(exitCode).toBe(0)
  })

  test('ends while connections are idle if the pool has allowExitOnIdle', async () => {
    const { exitCode, output } = await runIdlePool({ allowExitOnIdle: true })
    expect(output).toBe(`used ${pgVersion}\n0 removed\n`)
    expect(exitCode).toBe(0)
  })

  test('ends when idleTimeoutMillis has closed the last connection', async () => {
    const { exitCode, output } = await runIdlePool({ idleTimeoutMillis: 50, max: 3 })
    expect(output).toBe(`used ${pgVersion}\n3 removed\n`)
    expect(exitCode).toBe(0)
  })
})
