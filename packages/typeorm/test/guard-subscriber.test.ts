import { randomUUID } from 'node:crypto'
import type { EntityManager } from 'typeorm'
import { describe, expect, test } from 'vitest'
import { Document, Folder, Paper, Plan, Project, Task } from './documents.ts'
import { tenancy, useDocuments } from './documents-database.ts'

const fixture = useDocuments()

const mismatch = { code: 'TENANT_MISMATCH' }
const required = { code: 'TENANT_REQUIRED' }

const titleOf = async (id: string): Promise<unknown> =>
  (await fixture.database.query('select title, tenant_id from documents where id = $1', [id]))[0]

/** Acme's document, read by acme. */
const documentOfAcme = (): Promise<Document> =>
  tenancy.run(fixture.acme.id, () =>
    fixture.plain.getRepository(Document).findOneByOrFail({ id: fixture.acme.documentId }),
  )

describe('an entity given another tenant', () => {
  const givingAway: Readonly<
    Record<string, (manager: EntityManager, id: string, tenantId: string) => Promise<unknown>>
  > = {
    save: async (manager, id, tenantId) => {
      const document = await manager.findOneByOrFail(Document, { id })
      document.tenantId = tenantId
      document.title = 'changed'
      await manager.save(document)
    },
    update: (manager, id, tenantId) => manager.update(Document, id, { tenantId, title: 'changed' }),
    'a query builder': (manager, id, tenantId) =>
      manager
        .createQueryBuilder()
        .update(Document)
        .set({ tenantId, title: 'changed' })
        .where({ id })
        .execute(),
    'an expression': (manager, id) =>
      manager.update(Document, id, { tenantId: () => `'${fixture.globex.id}'`, title: 'changed' }),
  }

  test.for(Object.entries(givingAway))('attack: %s drops the tenant without a word', async ([, give]) => {
    const { acme, globex, plain } = fixture
    await tenancy.run(acme.id, () => give(plain.manager, acme.documentId, globex.id))
    expect(await titleOf(acme.documentId)).toEqual({ title: 'changed', tenant_id: acme.id })
    await tenancy.run(acme.id, () =>
      plain.manager.update(Document, acme.documentId, { title: 'acme document' }),
    )
  })

  test.for(Object.entries(givingAway))('%s is refused, by the tenant and by the system', async ([, give]) => {
    const { acme, globex, guarded } = fixture
    const giving = (): Promise<unknown> => give(guarded.manager, acme.documentId, globex.id)
    await expect(tenancy.run(acme.id, giving)).rejects.toMatchObject(mismatch)
    await expect(tenancy.asSystem('a test', giving)).rejects.toMatchObject(mismatch)
    expect(await titleOf(acme.documentId)).toEqual({ title: 'acme document', tenant_id: acme.id })
  })

  test('its own tenant is no other, in capitals either', async () => {
    const { acme, guarded } = fixture
    await tenancy.run(acme.id, async () => {
      const tenantId = acme.id.toUpperCase()
      const updating = guarded.manager.update(Document, acme.documentId, { tenantId, title: 'acme document' })
      expect(await updating).toMatchObject({ affected: 1 })
      await guarded.manager.save(Folder, { tenantId, name: 'in capitals' })
      expect(await guarded.manager.countBy(Folder, { name: 'in capitals' })).toBe(1)
    })
  })

  test('is refused in an insert, and what it would have been saved with is rolled back', async () => {
    const { acme, globex, guarded, database } = fixture
    const name = randomUUID()
    await tenancy.run(acme.id, async () => {
      const saving = guarded.manager.save(Folder, [{ name }, { name, tenantId: globex.id }])
      await expect(saving).rejects.toMatchObject(mismatch)
      await expect(guarded.manager.insert(Folder, { name, tenantId: globex.id })).rejects.toMatchObject(
        mismatch,
      )
      await expect(
        guarded.manager.upsert(Folder, { id: randomUUID(), name, tenantId: globex.id }, ['id']),
      ).rejects.toMatchObject(mismatch)
      await expect(
        guarded.manager.save(Project, { name, tasks: [{ title: name, tenantId: globex.id }] }),
      ).rejects.toMatchObject(mismatch)
    })
    expect(await database.query('select from folders where name = $1', [name])).toEqual([])
    expect(await database.query('select from projects where name = $1', [name])).toEqual([])
  })
})

describe('an entity read in another tenant', () => {
  test('attack: remove() and softRemove() do nothing, without a word', async () => {
    const { globex, acme, plain } = fixture
    const document = await documentOfAcme()
    await tenancy.run(globex.id, async () => {
      await plain.manager.softRemove(document)
      await plain.manager.remove(document)
    })
    expect(await titleOf(acme.documentId)).toEqual({ title: 'acme document', tenant_id: acme.id })
  })

  const changes: Readonly<Record<string, (manager: EntityManager, document: Document) => Promise<unknown>>> =
    {
      save: (manager, document) => manager.save(document),
      remove: (manager, document) => manager.remove(document),
      softRemove: (manager, document) => manager.softRemove(document),
      'softRemove of a class': (manager, document) => manager.softRemove(Document, document),
      'softRemove in a transaction': (manager, document) =>
        manager.transaction((inside) => inside.softRemove([document])),
      'softRemove of a repository': (manager, document) =>
        manager.getRepository(Document).softRemove(document),
      recover: (manager, document) => manager.recover(document),
      'recover by name': (manager, document) => manager.recover('Document', document),
    }

  test.for(Object.entries(changes))('%s is refused', async ([, change]) => {
    const { globex, acme, guarded } = fixture
    const document = await documentOfAcme()
    document.title = 'changed'
    const changing = (): Promise<unknown> => change(guarded.manager, document)
    await expect(tenancy.run(globex.id, changing)).rejects.toMatchObject(mismatch)
    await expect(tenancy.withoutTenant(changing)).rejects.toMatchObject(mismatch)
    expect(await titleOf(acme.documentId)).toEqual({ title: 'acme document', tenant_id: acme.id })
  })

  test('is refused as what another refers to', async () => {
    const { globex, acme, guarded } = fixture
    const folder = await tenancy.run(acme.id, () =>
      guarded.manager.findOneByOrFail(Folder, { id: acme.folderId }),
    )
    const project = await tenancy.run(acme.id, () =>
      guarded.manager.findOneByOrFail(Project, { id: acme.projectIds[0] }),
    )
    await tenancy.run(globex.id, async () => {
      await expect(guarded.manager.save(Paper, { title: 'attached', folder })).rejects.toMatchObject(mismatch)
      const document = guarded.manager.create(Document, { title: 'attached' })
      Object.assign(document, { folder })
      await expect(guarded.manager.save(document)).rejects.toMatchObject(mismatch)
      await expect(guarded.manager.save(Task, { title: 'attached', project })).rejects.toMatchObject(mismatch)
    })
  })

  test('its id alone finds nothing to remove, as that of no row does', async () => {
    const { globex, acme, guarded } = fixture
    await tenancy.run(globex.id, async () => {
      expect(await guarded.manager.delete(Document, acme.documentId)).toMatchObject({ affected: 0 })
      expect(await guarded.manager.softDelete(Document, acme.documentId)).toMatchObject({ affected: 0 })
      expect(await guarded.manager.restore(Document, acme.documentId)).toMatchObject({ affected: 0 })
      expect(await guarded.manager.update(Document, acme.documentId, { title: 'x' })).toMatchObject({
        affected: 0,
      })
    })
    expect(await titleOf(acme.documentId)).toEqual({ title: 'acme document', tenant_id: acme.id })
  })
})

describe('one’s own entities', () => {
  test('are saved, soft-removed, recovered and removed', async () => {
    const { acme, guarded } = fixture
    await tenancy.run(acme.id, async () => {
      const { manager } = guarded
      const document = await manager.save(manager.create(Document, { title: 'own' }))
      await manager.softRemove(document)
      expect(await manager.findOneBy(Document, { id: document.id })).toBeNull()
      await manager.recover(document)
      await manager.save(Object.assign(document, { title: 'still own' }))
      expect(await manager.findOneBy(Document, { id: document.id })).toMatchObject({ title: 'still own' })
      await manager.remove(document)
      const project = await manager.findOneOrFail(Project, {
        where: { id: acme.projectIds[1] },
        relations: { tasks: true },
      })
      await manager.save(Task, { title: 'another', project })
    })
  })

  test('are all that a statement without a condition deletes; clear() is a TRUNCATE, which the application may not', async () => {
    const { acme, globex, guarded, database } = fixture
    for (const { id } of [acme, globex]) {
      await tenancy.run(id, () => guarded.manager.save(Paper, [{ title: 'one' }, { title: 'two' }]))
    }
    await tenancy.run(globex.id, async () => {
      await expect(guarded.getRepository(Paper).clear()).rejects.toMatchObject({ code: '42501' })
      const deleted = await guarded.manager.createQueryBuilder().delete().from(Paper).execute()
      expect(deleted.affected).toBe(2)
    })
    expect(await database.query('select distinct tenant_id from papers')).toEqual([{ tenant_id: acme.id }])
  })

  test('of tables without a tenant are nobody’s business', async () => {
    const { acme, guarded } = fixture
    await tenancy.asSystem('a test', () => guarded.manager.save(Plan, { id: 3, name: 'new' }))
    expect(await tenancy.run(acme.id, () => guarded.manager.countBy(Plan, { id: 3 }))).toBe(1)
  })
})

describe('asSystem', () => {
  test('names the tenant of a new row, or is told to', async () => {
    const { acme, guarded, database } = fixture
    await tenancy.asSystem('a test', async () => {
      const { id } = await guarded.manager.save(Folder, { name: 'by the system', tenantId: acme.id })
      expect(await database.query('select tenant_id from folders where id = $1', [id])).toEqual([
        { tenant_id: acme.id },
      ])
      await expect(guarded.manager.save(Folder, { name: 'of nobody' })).rejects.toMatchObject(required)
      await expect(guarded.manager.insert(Folder, { name: 'of nobody' })).rejects.toMatchObject(required)
    })
    await expect(
      tenancy.withoutTenant(() => guarded.manager.save(Folder, { name: 'of nobody' })),
    ).rejects.toMatchObject(required)
  })

  test('attack: without the guard the database refuses it less plainly', async () => {
    const { plain } = fixture
    const saving = tenancy.asSystem('a test', () => plain.manager.save(Folder, { name: 'of nobody' }))
    await expect(saving).rejects.toMatchObject({ code: '23502' })
  })

  test('changes and removes rows of any tenant, as they are', async () => {
    const { globex, guarded } = fixture
    await tenancy.asSystem('a test', async () => {
      const folder = await guarded.manager.save(
        guarded.manager.create(Folder, { name: 'a', tenantId: globex.id }),
      )
      await guarded.manager.save(Object.assign(folder, { name: 'b' }))
      await guarded.manager.update(Folder, folder.id, { name: 'c' })
      expect(await guarded.manager.findOneBy(Folder, { id: folder.id })).toMatchObject({ name: 'c' })
      await guarded.manager.remove(folder)
    })
  })
})

test('save({ listeners: false }) leaves the guard out, and the database has the last word', async () => {
  const { acme, globex, guarded } = fixture
  await tenancy.run(acme.id, async () => {
    const folder = { name: 'theirs', tenantId: globex.id }
    const saving = guarded.manager.save(Folder, folder, { listeners: false })
    await expect(saving).rejects.toMatchObject({ code: '42501' })
  })
})

test('the guard comes after the application’s own subscribers, and again after destroy() and initialize()', async () => {
  const { acme, globex, openGuarded } = fixture
  const dataSource = await openGuarded()
  for (const _round of [1, 2]) {
    dataSource.subscribers.unshift({
      beforeInsert({ entity }) {
        if (entity.name === 'mine') entity.tenantId = globex.id
      },
    })
    await tenancy.run(acme.id, async () => {
      await expect(dataSource.manager.save(Folder, { name: 'mine' })).rejects.toMatchObject(mismatch)
      await dataSource.manager.save(Folder, { name: 'yours' })
    })
    await dataSource.destroy()
    await dataSource.initialize()
  }
})
