import { EntitySchema, type EntitySchemaColumnOptions } from 'typeorm'
import { describe, expectTypeOf, test } from 'vitest'
import { TenantColumn, tenantColumn, type TenantIdType } from '../src/index.ts'

type ProjectId = string & { readonly brand: 'project' }

describe('@TenantColumn()', () => {
  test('is for properties that are strings', () => {
    class Project {
      @TenantColumn() tenantId!: string
      @TenantColumn({ type: 'text', nullable: true }) nullable!: string | null
      @TenantColumn({ type: 'bigint', primary: true, name: 'company_id' }) readonly branded!: ProjectId
      @TenantColumn() optional?: string
      @TenantColumn() literal!: 'acme' | 'globex'
    }
    class Wrong {
      // @ts-expect-error a bigint of PostgreSQL is a string in JavaScript
      @TenantColumn({ type: 'bigint' }) asNumber!: number
      // @ts-expect-error an id is no object
      @TenantColumn() asObject!: { id: string }
      // @ts-expect-error nor a date
      @TenantColumn() asDate!: Date
      // @ts-expect-error nor a method
      @TenantColumn() method(): string {
        return ''
      }
    }
    expectTypeOf<Project['tenantId']>().toBeString()
    expectTypeOf<Wrong['asNumber']>().toBeNumber()
  })

  test('takes the types of tenant ids, and leaves the rest to no one', () => {
    // @ts-expect-error no type of a tenant's id
    TenantColumn({ type: 'integer' })
    // @ts-expect-error the column is never updatable
    TenantColumn({ update: true })
    // @ts-expect-error nor without the database's word
    TenantColumn({ insert: false })
    expectTypeOf<TenantIdType>().toEqualTypeOf<'uuid' | 'bigint' | 'text'>()
  })
})

test('tenantColumn() is a column of an EntitySchema, whose entity keeps its type', () => {
  interface Project {
    tenantId: string
    id: string
  }
  expectTypeOf(tenantColumn()).toExtend<EntitySchemaColumnOptions>()
  const schema = new EntitySchema<Project>({
    name: 'Project',
    columns: { tenantId: tenantColumn({ primary: true }), id: { type: 'uuid', primary: true } },
  })
  expectTypeOf(schema).toEqualTypeOf<EntitySchema<Project>>()
  // @ts-expect-error no type of a tenant's id
  tenantColumn({ type: 'integer' })
})
