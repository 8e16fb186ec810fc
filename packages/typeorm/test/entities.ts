import {
  Column,
  DeleteDateColumn,
  Entity,
  Index,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  PrimaryGeneratedColumn,
  Tree,
  TreeChildren,
  TreeParent,
  VersionColumn,
  ViewColumn,
  ViewEntity,
  type Relation,
} from 'typeorm'
import { TenantColumn } from '../src/index.ts'

@Entity('tenants')
export class Tenant {
  @PrimaryGeneratedColumn('uuid')
  id!: string

  @Column({ type: 'text' })
  name!: string
}

@Entity('projects')
export class Project {
  @PrimaryGeneratedColumn('uuid')
  id!: string

  @TenantColumn()
  tenantId!: string

  @Column({ type: 'text' })
  name!: string

  @Column({ type: 'text', default: 'active' })
  status!: string

  @VersionColumn()
  version!: number

  @DeleteDateColumn({ type: 'timestamptz' })
  deletedAt!: Date | null

  @OneToMany(() => Task, (task) => task.project, { cascade: true })
  tasks!: Relation<Task>[]

  @ManyToMany(() => Tag, (tag) => tag.projects, { cascade: true })
  @JoinTable({ name: 'project_tags' })
  tags!: Relation<Tag>[]
}

@Entity('tasks')
export class Task {
  @PrimaryGeneratedColumn('uuid')
  id!: string

  @TenantColumn()
  tenantId!: string

  @Column({ type: 'text' })
  title!: string

  @Column({ type: 'integer', default: 0 })
  points!: number

  @ManyToOne(() => Project, (project) => project.tasks, { onDelete: 'CASCADE', nullable: false })
  project!: Relation<Project>
}

@Entity('tags')
export class Tag {
  @PrimaryGeneratedColumn('uuid')
  id!: string

  @TenantColumn()
  tenantId!: string

  @Column({ type: 'text', unique: true })
  label!: string

  @ManyToMany(() => Project, (project) => project.tags)
  projects!: Relation<Project>[]
}

@Entity('folders')
@Tree('closure-table')
export class Folder {
  @PrimaryGeneratedColumn('uuid')
  id!: string

  @TenantColumn()
  tenantId!: string

  @Index({ unique: true })
  @Column({ type: 'text' })
  name!: string

  @TreeChildren({ cascade: true })
  children!: Relation<Folder>[]

  @TreeParent()
  parent!: Relation<Folder> | null
}

@ViewEntity({ name: 'project_sizes', expression: projectSizes() })
export class ProjectSize {
  @ViewColumn()
  name!: string

  @ViewColumn()
  tasks!: number
}

function projectSizes(): string {
  return `select p.name, count(t.id)::int as tasks from projects p left join tasks t on t."projectId" = p.id
    group by p.id, p.name`
}

export const entities = [Tenant, Project, Task, Tag, Folder, ProjectSize]
