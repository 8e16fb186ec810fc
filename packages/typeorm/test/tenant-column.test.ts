import { randomUUID } from 'node:crypto'
import { TenantPool } from '@tenantry/core/pg'
import { createTenancy } from '@tenantry/core'
import { connectToPostgres, seedTenants, tenancySchema } from '@tenantry/testing'
import { Column, Entity, EntitySchema, JoinColumn, ManyToOne, PrimaryGeneratedColumn } from 'typeorm'
import { describe, expect, inject, test } from 'vitest'
import { TenantColumn, tenantColumn, TenantDataSource } from '../src/index.ts'
import { Document, Folder, Paper, Project } from './documents.ts'
import { tenancy, useDocuments } from './documents-database.ts'

const fixture = useDocuments()

const owners = async (table: string, id: string): Promise<unknown[]> =>
  (await fixture.database.query(`select tenant_id from ${table} where id = $1`, [id])).map(
    (row) => row['tenant_id'],
  )

describe('@TenantColumn()', () => {
  test('is filled by the database, and on the entity after save(), insert() and upsert()', async () => {
    const { acme, guarded } = fixture
    await tenancy.run(acme.id, async () => {
      const saved: Folder = await guarded.getRepository(Folder).save({ name: 'saved' })
      expect(saved.tenantId).toBe(acme.id)
      const inserted = Object.assign(new Folder(), { name: 'inserted' })
      await guarded.getRepository(Folder).insert(inserted)
      expect(inserted.tenantId).toBe(acme.id)
      const upserted = Object.assign(new Folder(), { id: randomUUID(), name: 'upserted' })
      await guarded.getRepository(Folder).upsert(upserted, ['id'])
      expect(upserted.tenantId).toBe(acme.id)
      expect(await owners('folders', saved.id)).toEqual([acme.id])
    })
  })

  test('is filled on what is saved along with it', async () => {
    const { acme, guarded } = fixture
    const project: Project = await tenancy.run(acme.id, () =>
      guarded.getRepository(Project).save({ name: 'one', tasks: [{ title: 'a' }, { title: 'b' }] }),
    )
    expect(project.tasks.map(({ tenantId }) => tenantId)).toEqual([acme.id, acme.id])
  })

  test('is part of a composite key', async () => {
    const { acme, guarded } = fixture
    await tenancy.run(acme.id, async () => {
      const projects = guarded.getRepository(Project)
      const project = await projects.save({ name: 'first' })
      project.name = 'second'
      await projects.save(project)
      expect(await projects.findOneBy({ id: project.id })).toMatchObject({
        name: 'second',
        tenantId: acme.id,
      })
      const { id } = project
      await projects.remove(project)
      expect(await projects.findOneBy({ id })).toBeNull()
    })
  })

  test.for(['uuid', 'bigint', 'text'] as const)(
    'holds ids of type %s, in an EntitySchema too',
    async (type) => {
      const database = await connectToPostgres(inject('postgresUrl')).createDatabase({
        name: `typeorm-${type}`,
        setup: tenancySchema({ tenantId: type }),
      })
      const ids = {
        uuid: [randomUUID(), randomUUID()],
        bigint: ['9007199254740993', '2'],
        text: ['acme', 'globex'],
      }
      const [acmeId = '', globexId = ''] = ids[type]
      await seedTenants(database.query, { acme: acmeId, globex: globexId })
      const User = new EntitySchema<{ tenantId: string; id: string; email: string }>({
        name: 'User',
        tableName: 'users',
        columns: {
          tenantId: tenantColumn({ type, primary: true }),
          id: { type: 'uuid', primary: true, generated: 'uuid' },
          email: { type: 'text' },
        },
      })
      const typed = createTenancy({ tenantId: type, name: type })
      const dataSource = new TenantDataSource({
        type: 'postgres',
        url: database.urls.app,
        entities: [User],
        tenancy: typed,
      })
      await dataSource.initialize()
      await typed.run(acmeId, async () => {
        const users = dataSource.getRepository(User)
        const user = await users.save({ email: 'new@acme.test' })
        expect(user.tenantId).toBe(acmeId)
        user.email = 'other@acme.test'
        await users.save(user)
        await expect(users.save({ tenantId: globexId, email: 'x' })).rejects.toMatchObject({
          code: 'TENANT_MISMATCH',
        })
      })
      await dataSource.destroy()
      await database.drop()
    },
  )

  test('may be shared by a relation to the table of tenants', async () => {
    const { acme, globex, openGuarded } = fixture
    @Entity('tenants')
    class Company {
      @PrimaryGeneratedColumn('uuid')
      id!: string

      @Column('text')
      name!: string
    }
    @Entity('users')
    class User {
      @TenantColumn({ primary: true })
      tenantId!: string

      @PrimaryGeneratedColumn('uuid')
      id!: string

      @Column('text')
      email!: string

      @ManyToOne(() => Company)
      @JoinColumn({ name: 'tenant_id' })
      company!: Company
    }
    const { manager } = await openGuarded({ entities: [Company, User] })
    await tenancy.run(acme.id, async () => {
      const user: User = await manager.save(User, { email: 'one' })
      expect(user.tenantId).toBe(acme.id)
      const found = await manager.findOneOrFail(User, {
        where: { email: 'one' },
        relations: { company: true },
      })
      expect(found).toMatchObject({ tenantId: acme.id, company: { id: acme.id, name: 'acme' } })
      await manager.save(User, { email: 'two', company: { id: acme.id } })
      for (const theirs of [
        { company: { id: globex.id } },
        { company: { id: acme.id }, tenantId: globex.id },
        { company: { id: globex.id }, tenantId: acme.id },
      ]) {
        const saving = manager.save(User, { email: 'three', ...theirs })
        await expect(saving).rejects.toMatchObject({ code: 'TENANT_MISMATCH' })
      }
    })
  })

  test('keeps an entity of another tenant out in the database as well', async () => {
    const { acme, globex, plain } = fixture
    await tenancy.run(globex.id, async () => {
      const folder = { tenantId: acme.id, name: 'theirs' }
      await expect(plain.getRepository(Folder).save(folder)).rejects.toMatchObject({ code: '42501' })
    })
  })

  test('attack: with insert: false another tenant’s entity becomes one’s own row, without an error', async () => {
    const { acme, globex, openPlain } = fixture
    @Entity('papers')
    class Careless {
      @PrimaryGeneratedColumn('uuid')
      id!: string

      @Column({ ...tenantColumn(), insert: false })
      tenantId!: string

      @Column('text')
      title!: string
    }
    const careless = (await openPlain({ entities: [Careless] })).getRepository(Careless)
    await tenancy.run(globex.id, async () => {
      const copy = await careless.save({ tenantId: acme.id, title: 'of acme' })
      expect(await owners('papers', copy.id)).toEqual([globex.id])
      const papers = fixture.plain.getRepository(Paper)
      await expect(papers.save({ tenantId: acme.id, title: 'of acme' })).rejects.toMatchObject({
        code: '42501',
      })
    })
  })
})

describe('upsert', () => {
  test('changes one’s own rows, and never another tenant’s with the same key', async () => {
    const { acme, globex, guarded, database } = fixture
    const [id] = acme.projectIds
    await tenancy.run(globex.id, () =>
      guarded.getRepository(Project).upsert({ id, name: 'of globex' }, ['tenantId', 'id']),
    )
    await tenancy.run(acme.id, () =>
      guarded.getRepository(Project).upsert({ id, name: 'renamed' }, ['tenantId', 'id']),
    )
    const rows = await database.query(`select tenant_id, name from projects where id = $1 order by name`, [
      id,
    ])
    expect(rows).toEqual([
      { tenant_id: globex.id, name: 'of globex' },
      { tenant_id: acme.id, name: 'renamed' },
    ])
  })

  test('refuses a key without the tenant that another tenant’s row has', async () => {
    const { acme, globex, guarded } = fixture
    await tenancy.run(globex.id, async () => {
      const upserting = guarded
        .getRepository(Document)
        .upsert({ id: acme.documentId, title: 'theirs' }, ['id'])
      await expect(upserting).rejects.toMatchObject({ code: '42501' })
    })
  })

  test('assigns its conflict columns, and so needs the right to update the table, or orUpdate()', async () => {
    const { acme, guarded, database } = fixture
    const [id] = acme.projectIds
    const projects = guarded.getRepository(Project)
    await database.query('revoke update on projects from tenantry_app')
    await database.query('grant update (name) on projects to tenantry_app')
    try {
      await tenancy.run(acme.id, async () => {
        await expect(projects.upsert({ id, name: 'a' }, ['tenantId', 'id'])).rejects.toMatchObject({
          code: '42501',
        })
        await projects
          .createQueryBuilder()
          .insert()
          .values({ id, name: 'by column' })
          .orUpdate(['name'], ['tenant_id', 'id'])
          .execute()
        expect(await projects.findOneBy({ id })).toMatchObject({ name: 'by column' })
      })
    } finally {
      await database.query('grant update on projects to tenantry_app')
    }
    await tenancy.run(acme.id, () => projects.upsert({ id, name: 'by table' }, ['tenantId', 'id']))
    expect(await tenancy.run(acme.id, () => projects.findOneBy({ id }))).toMatchObject({ name: 'by table' })
  })
})

describe('a reference to another tenant’s row', () => {
  test('attack: a foreign key without the tenant lets it through, and tells which rows there are', async () => {
    const { acme, globex, plain } = fixture
    await tenancy.run(globex.id, async () => {
      const documents = plain.getRepository(Document)
      const document = documents.create({ title: 'attached' })
      document.folder = Promise.resolve({ id: acme.folderId } as Folder)
      await documents.save(document)
      const guess = documents.create({ title: 'guess' })
      guess.folder = Promise.resolve({ id: randomUUID() } as Folder)
      await expect(documents.save(guess)).rejects.toMatchObject({ code: '23503' })
    })
  })

  test('a foreign key with the tenant answers as for a row that is not there', async () => {
    const { acme, globex, guarded } = fixture
    await tenancy.run(globex.id, async () => {
      const papers = guarded.getRepository(Paper)
      for (const id of [acme.folderId, randomUUID()]) {
        const saving = papers.save({ title: 'attached', folder: { id } })
        await expect(saving).rejects.toMatchObject({ code: '23503' })
      }
      await papers.save({ title: 'own', folder: { id: globex.folderId } })
    })
  })
})

test('the pool of these tests is scoped', () => {
  expect((fixture.plain.driver as unknown as { master: unknown }).master).toBeInstanceOf(TenantPool)
})
