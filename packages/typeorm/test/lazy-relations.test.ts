import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, test } from 'vitest'
import type { DataSource } from 'typeorm'
import { Document, Folder } from './documents.ts'
import { tenancy, useDocuments } from './documents-database.ts'

const fixture = useDocuments()

/** Runs what it is given without a scope, as a library's callback may. */
const outside = AsyncLocalStorage.snapshot()

const read = (dataSource: DataSource): Promise<Document> =>
  tenancy.run(fixture.acme.id, () =>
    dataSource.getRepository(Document).findOneByOrFail({ id: fixture.acme.documentId }),
  )

/** An exception out of the property, and no rejection that anybody else could get. */
const thrownBy = (document: Document): unknown => {
  try {
    document.folder.catch(() => {})
    return undefined
  } catch (error) {
    return error
  }
}

const folderInDatabase = async (): Promise<unknown> =>
  (
    await fixture.database.query('select folder_id from documents where id = $1', [fixture.acme.documentId])
  )[0]

describe('a lazy relation read in another tenant', () => {
  test('attack: comes out empty, and the next save empties it in the row', async () => {
    const { acme, globex, plain, database } = fixture
    const document = await read(plain)
    expect(await tenancy.run(globex.id, () => document.folder)).toBeNull()
    await tenancy.run(acme.id, async () => {
      document.title = 'changed'
      await plain.getRepository(Document).save(document)
    })
    expect(await folderInDatabase()).toEqual({ folder_id: null })
    await database.query(`update documents set folder_id = $2, title = 'acme document' where id = $1`, [
      acme.documentId,
      acme.folderId,
    ])
  })

  test('throws out of the property, and leaves the entity as it was', async () => {
    const { acme, globex, guarded } = fixture
    const document = await read(guarded)
    const { userId } = acme
    expect(tenancy.run(globex.id, () => thrownBy(document))).toMatchObject({ code: 'TENANT_MISMATCH' })
    expect(tenancy.withoutTenant(() => thrownBy(document))).toMatchObject({ code: 'TENANT_MISMATCH' })
    expect(tenancy.asSystem('a test', () => thrownBy(document))).toMatchObject({ code: 'TENANT_MISMATCH' })
    expect(tenancy.run({ tenantId: acme.id, userId }, () => thrownBy(document))).toMatchObject({
      code: 'TENANT_MISMATCH',
    })
    expect(thrownBy(document)).toMatchObject({ code: 'TENANT_REQUIRED' })
    await tenancy.run(acme.id, async () => {
      expect(await document.folder).toMatchObject({ id: acme.folderId })
      document.title = 'acme document'
      await guarded.getRepository(Document).save(document)
    })
    expect(await folderInDatabase()).toEqual({ folder_id: acme.folderId })
  })
})

describe('a lazy relation read without a scope', () => {
  test('attack: leaves a rejection unhandled, which ends the process, and another on the entity', async () => {
    const { acme, plain } = fixture
    const document = await read(plain)
    const unhandled = await unhandledOf(async () => {
      await expect(document.folder).rejects.toMatchObject({ code: 'TENANT_REQUIRED' })
    })
    expect(unhandled).toMatchObject([{ code: 'TENANT_REQUIRED' }])
    await expect(tenancy.run(acme.id, () => document.folder)).rejects.toMatchObject({
      code: 'TENANT_REQUIRED',
    })
  })

  test('rejects for whoever awaits it, and does not stay so', async () => {
    const { acme, guarded } = fixture
    const document = await read(guarded)
    const unhandled = await unhandledOf(async () => {
      await expect((async () => document.folder)()).rejects.toMatchObject({ code: 'TENANT_REQUIRED' })
    })
    expect(unhandled).toEqual([])
    expect(await tenancy.run(acme.id, () => document.folder)).toMatchObject({ id: acme.folderId })
  })
})

describe('lazy relations in their own scope', () => {
  test('are loaded, of what was found in a transaction too, and where its context was lost', async () => {
    const { acme, guarded } = fixture
    await tenancy.run(acme.id, () =>
      guarded.transaction(async (manager) => {
        const folder = await manager.findOneByOrFail(Folder, { id: acme.folderId })
        const [document] = await folder.documents
        expect(document?.id).toBe(acme.documentId)
        expect(await outside(() => document?.folder)).toMatchObject({ id: acme.folderId })
      }),
    )
  })

  test('of an entity that the application made belong to the scope that first reads them', async () => {
    const { acme, globex, guarded } = fixture
    const made = guarded.getRepository(Document).create({ id: acme.documentId })
    expect(thrownBy(made)).toMatchObject({ code: 'TENANT_REQUIRED' })
    expect(await tenancy.run(acme.id, () => made.folder)).toMatchObject({ id: acme.folderId })
    const folder = guarded.getRepository(Folder).create({ id: globex.folderId })
    expect(await tenancy.run(globex.id, () => folder.documents)).toMatchObject([{ id: globex.documentId }])
  })

  test('are written as ever', async () => {
    const { acme, guarded } = fixture
    await tenancy.run(acme.id, async () => {
      const documents = guarded.getRepository(Document)
      const document = documents.create({ title: 'moved' })
      document.folder = Promise.resolve(await guarded.manager.save(Folder, { name: 'new' }))
      await documents.save(document)
      const again = await documents.findOneByOrFail({ id: document.id })
      expect(await again.folder).toMatchObject({ name: 'new' })
    })
  })
})

/** The rejections that nobody handles while `work` runs, which would end a process. */
async function unhandledOf(work: () => Promise<void>): Promise<unknown[]> {
  const unhandled: unknown[] = []
  const listeners = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', (error) => unhandled.push(error))
  try {
    await work()
    // Node tells of them once the microtasks are done.
    await new Promise((resolve) => setImmediate(resolve))
  } finally {
    process.removeAllListeners('unhandledRejection')
    for (const listener of listeners) process.on('unhandledRejection', listener)
  }
  return unhandled
}
