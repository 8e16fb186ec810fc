import { TenantColumn } from '@tenantry/typeorm'
import { Column, Entity, PrimaryGeneratedColumn, Unique } from 'typeorm'

@Entity('projects')
@Unique('projects_name_key', ['tenantId', 'name'])
export class Project {
  @TenantColumn({ primary: true })
  tenantId!: string

  @PrimaryGeneratedColumn('uuid')
  id!: string

  @Column('text')
  name!: string
}
