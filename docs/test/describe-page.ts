import { connectToPostgres, type TestDatabase } from '@tenantry/testing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { isForReading } from './blocks.ts'
import { createPageDatabase, runSql, setEnvironment } from './page-database.ts'
import { folderOf, readPage, writeModules } from './page-files.ts'
import { claimsOf, runBlock } from './run-block.ts'

/** Runs the code blocks of a page from top to bottom, on a database of the page's own; a test for each. */
export function describePage(page: string): void {
  describe(`the examples of ${page}`, () => {
    const blocks = readPage(page)
    const folder = folderOf(page, 'run')
    let database: TestDatabase

    beforeAll(async () => {
      writeModules(blocks, folder)
      const server = connectToPostgres(inject('postgresUrl'))
      database = await createPageDatabase(server, blocks)
      setEnvironment(server, database)
    })

    afterAll(() => database.drop())

    for (const block of blocks.filter((each) => !isForReading(each))) {
      test(`the ${block.language} of line ${block.line} does what it says`, async () => {
        const run = block.language === 'sql' ? runSql(block, database) : runBlock(block, folder)
        expect(await run).toEqual(claimsOf(block))
      })
    }
  })
}
