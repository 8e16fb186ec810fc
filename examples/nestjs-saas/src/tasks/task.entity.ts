import { TenantColumn } from '@tenantry/typeorm'
import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn, type Relation } from 'typeorm'
import { Project } from '../projects/project.entity.ts'
import type { TaskStatus } from './task-status.ts'

@Entity('tasks')
@Index('tasks_project_status_idx', ['tenantId', 'projectId', 'status'])
@Index('tasks_status_idx', ['tenantId', 'status'])
@Index('tasks_assignee_idx', ['tenantId', 'assigneeId'])
export class Task {
  @TenantColumn({ primary: true })
  tenantId!: string

  @PrimaryGeneratedColumn('uuid')
  id!: string

  @Column('uuid', { name: 'project_id' })
  projectId!: string

  @Column('text')
  title!: string

  @Column('text', { default: 'open' })
  status!: TaskStatus

  /** Its foreign key is in the migration: TypeORM cannot say ON DELETE SET NULL for one column of two. */
  @Column('uuid', { name: 'assignee_id', nullable: true })
  assigneeId!: string | null

  // With the tenant in it: a foreign key alone is checked without policies, and would find any tenant's project.
  @ManyToOne(() => Project, { onDelete: 'CASCADE' })
  @JoinColumn([
    { name: 'tenant_id', referencedColumnName: 'tenantId', foreignKeyConstraintName: 'tasks_project_fkey' },
    { name: 'project_id', referencedColumnName: 'id', foreignKeyConstraintName: 'tasks_project_fkey' },
  ])
  project!: Relation<Project>
}
