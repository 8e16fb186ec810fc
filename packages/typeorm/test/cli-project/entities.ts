import { EntitySchema, type DataSourceOptions } from 'typeorm'
import { tenantColumn } from '../../src/index.ts'

const id = { type: 'uuid', primary: true, generated: 'uuid' } as const

const Tenant = new EntitySchema<{ id: string; name: string }>({
  name: 'Tenant',
  tableName: 'tenants',
  columns: { id, name: { type: 'text' } },
})

const Tag = new EntitySchema<{ id: string; tenantId: string }>({
  name: 'Tag',
  tableName: 'tags',
  columns: { id, tenantId: tenantColumn() },
})

const Project = new EntitySchema<{ id: string; tenantId: string; name: string; tags: unknown[] }>({
  name: 'Project',
  tableName: 'projects',
  columns: { id, tenantId: tenantColumn(), name: { type: 'text', unique: true } },
  relations: { tags: { type: 'many-to-many', target: 'Tag', joinTable: { name: 'project_tags' } } },
})

export const options = {
  type: 'postgres',
  uuidExtension: 'pgcrypto',
  installExtensions: false,
  entities: [Tenant, Tag, Project],
} satisfies DataSourceOptions
