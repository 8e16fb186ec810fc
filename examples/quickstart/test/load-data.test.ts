import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import type { TestDatabase } from '@tenantry/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sizeOfDataFile } from '../src/data-file.ts'
import { BadDataError, loadData } from '../src/load-data.ts'
import { clearTables, countRows, createQuickstartDatabase } from './quickstart-database.ts'
import { project, task, tenant, toLines, twoCompanies, user, uuid } from './records.ts'

let folder: string
let database: TestDatabase

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenantry-quickstart-'))
  database = await createQuickstartDatabase()
})
beforeEach(() => clearTables(database))
afterAll(async () => {
  await database.drop()
  await rm(folder, { recursive: true })
})

const nothing = { tenants: 0, users: 0, projects: 0, tasks: 0 }
const everything = { tenants: 2, users: 2, projects: 2, tasks: 2 }

async function load(contents: string | Uint8Array, name = 'companies.jsonl') {
  const path = join(folder, name)
  await writeFile(path, contents)
  return loadData({ connectionString: database.urls.system, path })
}

/** What is said about a bad file; asserts that nothing of it was kept. */
async function problemsOf(contents: string | Uint8Array): Promise<BadDataError> {
  const error: unknown = await load(contents).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(BadDataError)
  expect(await countRows(database)).toEqual(nothing)
  return error as BadDataError
}

describe('a good file', () => {
  it('is loaded whole, the shipped one included', async () => {
    const path = fileURLToPath(new URL('../data/companies.jsonl.gz', import.meta.url))
    const counts = await loadData({ connectionString: database.urls.system, path })

    expect(counts).toEqual({ tenant: 320, user: 4829, project: 1337, task: 29344 })
    expect(await countRows(database)).toEqual({ tenants: 320, users: 4829, projects: 1337, tasks: 29344 })
  })

  it('keeps every value', async () => {
    await load(toLines(twoCompanies))

    const [row] = await database.query('SELECT to_json(tasks) AS task FROM tasks WHERE id = $1', [uuid(13)])
    const { kind: _kind, ...expected } = twoCompanies[3]!
    expect(row!['task']).toEqual({ ...expected, created_at: '2026-01-31T09:30:00+00:00' })
  })

  it('may name its records in any order', async () => {
    await load(toLines(twoCompanies.toReversed()))
    expect(await countRows(database)).toEqual(everything)
  })

  it('may have the same id in two companies', async () => {
    const namesakes = [user(1, 31), user(2, 31), project(1, 32, 31), project(2, 32, 31)]
    await load(toLines([...twoCompanies, ...namesakes]))
    expect(await countRows(database)).toEqual({ ...everything, users: 4, projects: 4 })
  })

  it.each([
    ['CRLF line ends', toLines(twoCompanies).replaceAll('\n', '\r\n')],
    ['a byte order mark', `\u{FEFF}${toLines(twoCompanies)}`],
    ['a final newline', `${toLines(twoCompanies)}\n`],
    ['blank lines', toLines(twoCompanies).replaceAll('\n', '\n \n\n')],
  ])('may have %s', async (_what, contents) => {
    await load(contents)
    expect(await countRows(database)).toEqual(everything)
  })

  it('may be compressed', async () => {
    await load(gzipSync(toLines(twoCompanies)), 'companies.jsonl.gz')
    expect(await countRows(database)).toEqual(everything)
  })

  it('reports its progress up to its size', async () => {
    const path = join(folder, 'progress.jsonl')
    await writeFile(path, toLines(twoCompanies))
    const steps: unknown[] = []
    await loadData({
      connectionString: database.urls.system,
      path,
      onProgress: (progress) => steps.push(progress),
    })

    const bytes = await sizeOfDataFile(path)
    expect(steps).toEqual(['reading', 'checking', 'writing'].map((step) => ({ step, bytes })))
  })
})

describe('a bad line is named with its number and the reason, and nothing of the file is kept', () => {
  // Each stands on line 9, after two good companies.
  const badLines: [badLine: string | Record<string, unknown>, reason: string][] = [
    ['{"kind":"tenant"', 'not JSON: {"kind":"tenant"'],
    ['[1]', 'not a JSON object: [1]'],
    ['null', 'not a JSON object: null'],
    ['{"id":1}', 'the field kind is missing'],
    ['{"kind":"taks"}', 'unknown kind "taks": must be one of tenant, user, project, task'],
    ['{"kind":"constructor"}', 'unknown kind "constructor": must be one of tenant, user, project, task'],
    [user(1, 31, { name: undefined }), 'user: name is missing'],
    [task(1, 31, 12, { titel: 'x' }), 'task: unknown field titel'],
    [
      '{"kind":"tenant","__proto__":1}',
      'tenant: id is missing; name is missing; plan is missing; country is missing; created_at is missing; ' +
        'unknown field __proto__',
    ],
    [task(1, 31, 12, { priority: '2' }), 'task: priority must be a whole number from 1 to 4, not "2"'],
    [task(1, 31, 12, { priority: 5 }), 'task: priority must be a whole number from 1 to 4, not 5'],
    [task(1, 31, 12, { status: null }), 'task: status must be one of todo, doing, done, not null'],
    [
      task(1, 31, 12, { due_on: '2026-02-29' }),
      'task: due_on must be a date such as 2026-03-31, or null, not "2026-02-29"',
    ],
    [
      user(1, 31, { created_at: '2026-01-01 10:00' }),
      'user: created_at must be a UTC time such as 2026-03-31T09:30:00Z, not "2026-01-01 10:00"',
    ],
    [tenant(3, { id: '3' }), 'tenant: id must be a UUID, not "3"'],
    [tenant(3, { id: 3 }), 'tenant: id must be a UUID, not 3'],
    [
      tenant(3, { country: 'Netherlands' }),
      'tenant: country must be a two-letter country code such as NL, not "Netherlands"',
    ],
    [user(1, 31, { email: 'nobody' }), 'user: email must be an e-mail address, not "nobody"'],
    // PostgreSQL has no NUL in text, and no half of a surrogate pair.
    [
      '{"kind":"tenant","id":"00000000-0000-7000-8000-000000000003","name":"a\\u0000b","plan":"free","country":"NL",' +
        '"created_at":"2026-01-01T00:00:00Z"}',
      'tenant: name must be text of 1 to 200 characters on one line, not "a\\u0000b"',
    ],
    [
      '{"kind":"tenant","id":"00000000-0000-7000-8000-000000000003","name":"\\ud800","plan":"free","country":"NL",' +
        '"created_at":"2026-01-01T00:00:00Z"}',
      'tenant: name must be text of 1 to 200 characters on one line, not "\\ud800"',
    ],
    // What is quoted must not steer the terminal.
    ['\u{1B}[2J{', 'not JSON: \u{FFFD}[2J{'],
    [tenant(1), `tenant: id ${uuid(1)} is already on line 1`],
    [task(1, 13, 12), `task: id ${uuid(13)} is already on line 4`],
    [
      user(1, 31, { email: 'person-11@company.example' }),
      'user: email person-11@company.example is already on line 2',
    ],
    [user(3, 31), `user: tenant_id ${uuid(3)} is no valid tenant of this file`],
    [project(1, 32, 99), `project: owner_id ${uuid(99)} is no valid user of this file`],
    [project(1, 32, 21), `project: owner_id ${uuid(21)} is a user of another tenant`],
    [task(1, 33, 99), `task: project_id ${uuid(99)} is no valid project of this file`],
    [task(1, 33, 22), `task: project_id ${uuid(22)} is a project of another tenant`],
    [task(1, 33, 12, { assignee_id: uuid(21) }), `task: assignee_id ${uuid(21)} is a user of another tenant`],
    [`{"kind":"${'x'.repeat(100_000)}"}`, 'longer than 65536 bytes'],
  ]
  it.each(badLines.map(([badLine, reason]) => ({ badLine, reason })))(
    '$reason',
    async ({ badLine, reason }) => {
      const error = await problemsOf(`${toLines([...twoCompanies, badLine])}\n`)

      expect(error.problems).toEqual([{ line: 9, reason }])
      expect(error.message).toContain(`  line 9: ${reason}`)
    },
  )

  it('not UTF-8', async () => {
    const lines = Buffer.from(`${toLines(twoCompanies)}\n{"kind":"\u{E9}"}\n`, 'latin1')
    const error = await problemsOf(lines)
    expect(error.problems).toEqual([{ line: 9, reason: 'not UTF-8 text' }])
  })

  it('several kinds of problems, in the order of the lines', async () => {
    const error = await problemsOf(
      toLines([task(1, 33, 99), 'nonsense', tenant(3), ...twoCompanies, tenant(3), '{}']),
    )
    expect(error.problems.map(({ line }) => line)).toEqual([1, 2, 12, 13])
  })

  it('the first 20, and how many more there are', async () => {
    const malformed = Array.from({ length: 30 }, () => 'nonsense')
    const dangling = Array.from({ length: 30 }, (_, index) => task(1, 100 + index, 99))
    const error = await problemsOf(toLines([...twoCompanies, ...dangling, ...malformed]))

    expect(error.total).toBe(60)
    expect(error.problems.map(({ line }) => line)).toEqual(
      Array.from({ length: 20 }, (_, index) => 9 + index),
    )
    expect(error.message).toMatch(/has 60 problems; nothing of it was kept\.[^]*and 40 more$/)
  })
})

describe('a file that cannot be loaded at all is a clear error, and leaves nothing', () => {
  it.each([
    ['empty', 'companies.jsonl', '', /holds no records/],
    ['only blank lines', 'companies.jsonl', '\n \n', /holds no records/],
    [
      'not compressed though it says so',
      'companies.jsonl.gz',
      toLines(twoCompanies),
      /cannot be read: incorrect header/,
    ],
    [
      'cut off in the middle',
      'companies.jsonl.gz',
      gzipSync(toLines(twoCompanies)).subarray(0, -12),
      /cannot be read: unexpected end of file/,
    ],
  ])('%s', async (_what, name, contents, message) => {
    await expect(load(contents, name)).rejects.toThrow(message)
    expect(await countRows(database)).toEqual(nothing)
  })

  it('missing, or a directory', async () => {
    await expect(sizeOfDataFile(join(folder, 'missing.jsonl'))).rejects.toThrow(
      /There is no file .*missing\.jsonl/,
    )
    await expect(sizeOfDataFile(folder)).rejects.toThrow(/is a directory; give a \.jsonl or \.jsonl\.gz file/)
  })

  it('in conflict with rows that are there already', async () => {
    await load(toLines(twoCompanies))
    await expect(load(toLines(twoCompanies))).rejects.toThrow(/duplicate key/)
    expect(await countRows(database)).toEqual(everything)
  })
})
