import { Column, CreateDateColumn, Entity, PrimaryGeneratedColumn } from 'typeorm'

/** Somebody has crossed tenants. The application may add entries, and neither read nor change them. */
@Entity('audit_log')
export class AuditEntry {
  @PrimaryGeneratedColumn('identity', { generatedIdentity: 'ALWAYS', type: 'bigint' })
  id!: string

  @CreateDateColumn({ type: 'timestamptz' })
  at!: Date

  @Column('text')
  reason!: string

  /** The operator; null for work that no request has asked for. */
  @Column('text', { nullable: true })
  operator!: string | null

  /** Method and path. */
  @Column('text', { nullable: true })
  request!: string | null
}
