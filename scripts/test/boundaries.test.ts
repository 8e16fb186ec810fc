import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findViolations } from '../boundaries.ts'

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tenantry-boundaries-'))
  manifest('packages/core', { name: '@tenantry/core', peerDependencies: { pg: '*' } })
  manifest('packages/policies', { name: '@tenantry/policies' })
  manifest('packages/testing', {
    name: '@tenantry/testing',
    peerDependencies: { '@tenantry/core': '*', pg: '*' },
  })
  manifest('packages/kysely', {
    name: '@tenantry/kysely',
    peerDependencies: { '@tenantry/core': '*', kysely: '*' },
  })
  manifest('packages/cli', {
    name: 'tenantry',
    dependencies: { '@tenantry/core': '*', '@tenantry/policies': '*' },
  })
  manifest('benchmarks', {
    name: '@tenantry/benchmarks',
    private: true,
    dependencies: { '@tenantry/core': '*' },
  })
})

afterEach(() => {
  rmSync(root, { recursive: true })
})

function write(file: string, text: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true })
  writeFileSync(join(root, file), text)
}

function manifest(folder: string, content: object): void {
  write(`${folder}/package.json`, JSON.stringify(content))
}

function found(): string[] {
  return findViolations(root).map(({ file, specifier, rule }) => `${file} takes '${specifier}': ${rule}`)
}

test('what packages may do is no violation', () => {
  write('packages/core/src/index.ts', `export { a } from './a.ts'`)
  write(
    'packages/core/src/pg/index.ts',
    `import pg from 'pg'\nimport { once } from 'node:events'\nimport '../a.ts'`,
  )
  write('packages/core/test/a.test.ts', `import { test } from 'vitest'\nimport { a } from '../src/a.ts'`)
  write('packages/kysely/src/index.ts', `import 'kysely/helpers'\nimport { run } from '@tenantry/core/pg'`)
  write('packages/cli/src/index.ts', `import '@tenantry/policies'`)
  write('benchmarks/src/main.ts', `import '@tenantry/core'`)
  write('benchmarks/node_modules/some/index.js', `require('../../../../packages/core/src/index.ts')`)
  expect(found()).toEqual([])
})

describe('a planted violation is found:', () => {
  test('a dependency of core', () => {
    manifest('packages/core', { name: '@tenantry/core', dependencies: { uuid: '*' } })
    expect(found()).toEqual(["packages/core/package.json takes 'uuid': core has no dependencies"])
  })

  test.each([
    ['import', `import pg from 'pg'`],
    ['type import', `import type { Pool } from 'pg'`],
    ['re-export', `export * from 'pg'`],
    ['dynamic import', `const pg = await import('pg')`],
    ['require', `const pg = require('pg')`],
    ['type reference', `export type P = import('pg').Pool`],
  ])('pg in core outside of src/pg, by %s', (_, text) => {
    write('packages/core/src/tenancy.ts', text)
    expect(found()).toEqual([
      "packages/core/src/tenancy.ts takes 'pg': core outside of src/pg does without pg, which is an optional peer",
    ])
  })

  test('core that uses another package', () => {
    write('packages/core/src/pg/index.ts', `import '@tenantry/policies'`)
    expect(found()).toEqual([
      "packages/core/src/pg/index.ts takes '@tenantry/policies': @tenantry/core may use no other package",
    ])
  })

  test('an adapter that uses another adapter, or its ORM', () => {
    manifest('packages/drizzle', { name: '@tenantry/drizzle', peerDependencies: { '@tenantry/kysely': '*' } })
    write('packages/drizzle/src/index.ts', `import 'kysely'`)
    expect(found()).toEqual([
      "packages/drizzle/package.json takes '@tenantry/kysely': @tenantry/drizzle may use only @tenantry/core",
      "packages/drizzle/src/index.ts takes 'kysely': only packages/kysely knows kysely",
    ])
  })

  test('a source that imports what only the tests have', () => {
    manifest('packages/policies', { name: '@tenantry/policies', devDependencies: { pg: '*' } })
    write('packages/policies/src/index.ts', `import pg from 'pg'`)
    write('packages/policies/test/a.test.ts', `import pg from 'pg'`)
    expect(found()).toEqual([
      "packages/policies/src/index.ts takes 'pg': users would not have it: it is no dependency or peer in packages/policies/package.json",
    ])
  })

  test('an example that reaches into a package, or into what is not published', () => {
    manifest('examples/shop', { name: '@tenantry/example-shop', private: true })
    write(
      'examples/shop/src/main.ts',
      `import '../../../packages/core/src/index.ts'\nimport '@tenantry/benchmarks'`,
    )
    expect(found()).toEqual([
      "examples/shop/src/main.ts takes '../../../packages/core/src/index.ts': a package reaches others by their published names",
      "examples/shop/src/main.ts takes '@tenantry/benchmarks': it is not in examples/shop/package.json",
    ])
  })
})
