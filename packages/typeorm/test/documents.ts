import {
  BaseEntity,
  Column,
  DeleteDateColumn,
  Entity,
  JoinColumn,
  ManyToOne,
  OneToMany,
  PrimaryGeneratedColumn,
  type Relation,
} from 'typeorm'
import { tableIsolation } from '@tenantry/policies'
import { tenancySchema } from '@tenantry/testing'
import { TenantColumn } from '../src/index.ts'

@Entity('folders')
export class Folder {
  @PrimaryGeneratedColumn('uuid')
  id!: string

  @TenantColumn()
  tenantId!: string

  @Column('text')
  name!: string

  @OneToMany(() => Document, (document) => document.folder)
  documents!: Promise<Document[]>
}

/** Its foreign key does not carry the tenant. */
@Entity('documents')
export class Document {
  @PrimaryGeneratedColumn('uuid')
  id!: string

  @TenantColumn()
  tenantId!: string

  @Column('text')
  title!: string

  @DeleteDateColumn({ name: 'deleted_at', type: 'timestamptz' })
  deletedAt!: Date | null

  @ManyToOne(() => Folder, (folder) => folder.documents)
  @JoinColumn({ name: 'folder_id' })
  folder!: Promise<Folder | null>
}

/** Its foreign key carries the tenant in the database, and TypeORM knows of the other half alone. */
@Entity('papers')
export class Paper {
  @PrimaryGeneratedColumn('uuid')
  id!: string

  @TenantColumn()
  tenantId!: string

  @Column('text')
  title!: string

  @ManyToOne(() => Folder)
  @JoinColumn({ name: 'folder_id' })
  folder!: Relation<Folder> | null
}

@Entity('documents')
export class ActiveDocument extends BaseEntity {
  @PrimaryGeneratedColumn('uuid')
  id!: string

  @TenantColumn()
  tenantId!: string

  @Column('text')
  title!: string
}

/** Of `tenancySchema()`: its keys start with the tenant. */
@Entity('projects')
export class Project {
  @TenantColumn({ primary: true })
  tenantId!: string

  @PrimaryGeneratedColumn('uuid')
  id!: string

  @Column('text')
  name!: string

  @Column('text', { default: 'active' })
  status!: string

  @OneToMany(() => Task, (task) => task.project, { cascade: true })
  tasks!: Relation<Task>[]
}

@Entity('tasks')
export class Task {
  @TenantColumn({ primary: true })
  tenantId!: string

  @PrimaryGeneratedColumn('uuid')
  id!: string

  @Column('text')
  title!: string

  @ManyToOne(() => Project, (project) => project.tasks)
  @JoinColumn([
    { name: 'tenant_id', referencedColumnName: 'tenantId' },
    { name: 'project_id', referencedColumnName: 'id' },
  ])
  project!: Relation<Project>
}

@Entity('plans')
export class Plan {
  @Column({ type: 'integer', primary: true })
  id!: number

  @Column('text')
  name!: string
}

export const entities = [Folder, Document, Paper, Project, Task, Plan]

const tenantColumn = 'tenant_id uuid not null default tenantry.tenant_id()'

/** The tables of these entities, as SQL for the owner. */
export const documentsSchema = [
  tenancySchema(),
  `create table folders (id uuid primary key default gen_random_uuid(), ${tenantColumn}, name text not null,
     unique (tenant_id, id));`,
  `create table documents (id uuid primary key default gen_random_uuid(), ${tenantColumn}, title text not null,
     deleted_at timestamptz, folder_id uuid references folders (id));`,
  `create table papers (id uuid primary key default gen_random_uuid(), ${tenantColumn}, title text not null,
     folder_id uuid, foreign key (tenant_id, folder_id) references folders (tenant_id, id));`,
  ...['folders', 'documents', 'papers'].flatMap((name) =>
    tableIsolation({ table: { schema: 'public', name }, systemRole: 'tenantry_system' }).enable.map(
      (statement) => `${statement};`,
    ),
  ),
].join('\n')
