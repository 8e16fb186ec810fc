import { expect, test } from 'vitest'
import { blocksOf, isForReading } from './blocks.ts'
import { folderOf, writeModules } from './page-files.ts'
import { claimsOf, runBlock, type Outcome } from './run-block.ts'

/** What comes of a block, and what it says will; every block a page of its own, as modules run once. */
async function outcomeAndClaims(code: string): Promise<[Outcome, Outcome]> {
  const page = `planted-${expect.getState().currentTestName?.replaceAll(/\W+/g, '-')}.md`
  const folder = folderOf(page, 'planted')
  const [block] = blocksOf(page, `# Page\n\n\`\`\`ts\n${code}\n\`\`\`\n`)
  if (block === undefined) throw new Error('The page has no block.')
  writeModules([block], folder)
  return [await runBlock(block, folder), claimsOf(block)]
}

test('right claims are the outcome', async () => {
  const [outcome, claims] = await outcomeAndClaims(`
    console.log({ rows: [1, 2] }) // => { rows: [ 1, 2 ] }
    console.log('a', 1)
    // => a 1
    console.log('one\\ntwo')
    // => one
    //    two
    throw Object.assign(new Error('no tenant'), { code: 'TENANT_REQUIRED' }) // throws TENANT_REQUIRED
  `)
  expect(outcome).toEqual(claims)
  expect(claims).toEqual({ outputs: ['{ rows: [ 1, 2 ] }', 'a 1', 'one two'], error: 'TENANT_REQUIRED' })
})

test.each([
  ['another value', 'console.log(2) // => 1'],
  ['the right values in another order', 'console.log(2)\nconsole.log(1)\n// => 1\n// => 2'],
  ['an output too many', 'console.log(1) // => 1\nconsole.log(2)'],
  ['an output too few', 'if (Date.now() < 0) console.log(1) // => 1'],
  ['no error', '// throws TENANT_REQUIRED'],
  ['another error', "throw Object.assign(new Error(), { code: '42501' }) // throws TENANT_REQUIRED"],
])('a wrong claim is no outcome: %s', async (_name, code) => {
  const [outcome, claims] = await outcomeAndClaims(code)
  expect(outcome).not.toEqual(claims)
})

test('an error of which a block says nothing fails it', async () => {
  await expect(outcomeAndClaims("throw new Error('unexpected')")).rejects.toThrow('unexpected')
})

test('the output of a block is its own only', async () => {
  const { log } = console
  await outcomeAndClaims('console.log(1) // => 1')
  expect(console.log).toBe(log)
})

test('blocks are found with their lines, languages and words', () => {
  const page =
    '# Page\n\n```ts database.ts no-run\n1\n```\n\n````md\n```ts\n2\n```\n````\n\n- in a list\n\n  ```sql as owner\n  3\n  ```\n'
  expect(blocksOf('page.md', page)).toEqual([
    { page: 'page.md', line: 4, language: 'ts', words: ['database.ts', 'no-run'], code: '1\n' },
    { page: 'page.md', line: 16, language: 'sql', words: ['as', 'owner'], code: '  3\n' },
  ])
  expect(blocksOf('page.md', page).map(isForReading)).toEqual([true, false])
})
