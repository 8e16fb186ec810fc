import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findDocumentationProblems } from '../documentation.ts'

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tenantry-documentation-'))
  mkdirSync(join(root, 'docs'))
  write('docs/errors.md', '# Errors\n\n## `TENANT_REQUIRED`\n\n## POOL_GONE\n')
})

afterEach(() => {
  rmSync(root, { recursive: true })
})

function write(file: string, text: string): void {
  writeFileSync(join(root, file), text)
}

function problems(): string[] {
  return findDocumentationProblems(['TENANT_REQUIRED', 'POOL_GONE'], root)
}

test('whole documentation has no problems', () => {
  write(
    'README.md',
    [
      '# What it is, and why?',
      '## What it does',
      '## What it does',
      '[a](docs/errors.md) [b](docs/errors.md#tenant_required) [c](#what-it-is-and-why) [d](#what-it-does-1)',
      '![e](<docs/errors.md> "title") [f](https://example.com/none) [g](docs) [h]',
      '[h]: docs/errors.md',
      '```md',
      '# [not a link](nowhere.md)',
      '```',
      'and `[neither](nowhere.md)`; https://example.com/home/page',
    ].join('\n'),
  )
  expect(problems()).toEqual([])
})

test('an error code without a heading, and a heading without an error code, are found', () => {
  write('docs/errors.md', '# Errors\n\n## TENANT_REQUIRED\n\n## POOL_LOST\n\n```\n## POOL_GONE\n```\n')
  expect(problems()).toEqual([
    'docs/errors.md: the error code POOL_GONE has no heading.',
    'docs/errors.md: no error has the code POOL_LOST.',
  ])
})

test('a missing page of errors is found', () => {
  rmSync(join(root, 'docs/errors.md'))
  expect(problems()).toHaveLength(2)
})

test('links that lead nowhere are found', () => {
  write('docs/guide.md', '[a](error.md) [b](errors.md#pool) [c](#nothing)\n\n[d]: ../missing.md\n')
  expect(problems()).toEqual([
    'docs/guide.md: error.md leads nowhere.',
    'docs/guide.md: errors.md#pool names no heading there.',
    'docs/guide.md: #nothing names no heading there.',
    'docs/guide.md: ../missing.md leads nowhere.',
  ])
})

test('a path of one machine is found, in code too', () => {
  write('docs/guide.md', 'Run `/home/ada/tenantry/run`.\n\n```\ncd /srv/app/main\n```\n')
  expect(problems()).toEqual([
    'docs/guide.md: /home/ada/tenantry/run`. is a path of one machine.',
    'docs/guide.md: /srv/app/main is a path of one machine.',
  ])
})
