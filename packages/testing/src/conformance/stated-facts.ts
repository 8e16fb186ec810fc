import { TenantryError } from '@tenantry/core'
import assert from 'node:assert/strict'
import { CAPABILITIES } from './facts.ts'
import type { Capability, ConformanceFacts } from './facts.ts'
import { claim } from './group.ts'
import type { Claim } from './group.ts'

/** @throws TenantryError `INVALID_CONFIG` for a fact that is none, or that has no reason */
export function checkFacts(facts: ConformanceFacts): void {
  for (const [name, reason] of Object.entries(facts)) {
    if (!Object.hasOwn(CAPABILITIES, name)) {
      invalid(`"${name}" is no fact of the suite: use one of ${Object.keys(CAPABILITIES).join(', ')}.`)
    }
    if (typeof reason !== 'string' || reason.trim() === '') {
      invalid(`The fact "${name}" needs its reason: why is there no ${CAPABILITIES[name as Capability]}?`)
    }
  }
}

function invalid(message: string): never {
  throw new TenantryError({ code: 'INVALID_CONFIG', message })
}

/** Facts that are no longer true would skip tests for nothing. */
export function factsClaim(facts: ConformanceFacts): Claim {
  return claim('what the facts say cannot be done is not on offer', async (bench) => {
    const probe = await bench.open()
    const offered = (Object.keys(facts) as Capability[]).filter((name) => probe.offers(name))
    assert.deepEqual(offered, [], 'state no fact about what the harness offers')
  })
}
