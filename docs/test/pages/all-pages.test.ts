import { globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { isForReading } from '../blocks.ts'
import { pages, readPage } from '../page-files.ts'

// A test file for each page, and so a process: what the examples of one subscribe to, those of another do not hear.
test('every page with something to run has a test file', () => {
  const testFiles = globSync('*.test.ts', { cwd: import.meta.dirname })
    .map((file) => readFileSync(`${import.meta.dirname}/${file}`, 'utf8'))
    .join('\n')
  const pagesToRun = pages.filter((page) => !readPage(page).every(isForReading))
  expect(pagesToRun.filter((page) => !testFiles.includes(`describePage('${page}')`))).toEqual([])
})
