import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { blocksOf } from './blocks.ts'
import { folderOf, generatedFolder, pages, readPage, writeModules } from './page-files.ts'
import { typeErrorsIn } from './type-check.ts'

test('the TypeScript of all pages type-checks', async () => {
  const folder = generatedFolder('types')
  rmSync(folder, { recursive: true, force: true })
  for (const page of pages) writeModules(readPage(page), folderOf(page, 'types'))
  expect(await typeErrorsIn(folder)).toBe('')
})

test('a type error is found', async () => {
  const page = 'planted.md'
  const folder = folderOf(page, 'planted-types')
  writeModules(blocksOf(page, "```ts no-run\nexport const count: number = 'one'\n```\n"), folder)
  expect(await typeErrorsIn(folder)).toMatch(/line-2\.ts\(1,14\): error TS2322/)
})
