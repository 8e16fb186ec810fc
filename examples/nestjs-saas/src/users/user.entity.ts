import { TenantColumn } from '@tenantry/typeorm'
import { Column, Entity, PrimaryGeneratedColumn, Unique } from 'typeorm'
import type { UserRole } from './user-role.ts'

@Entity('users')
@Unique('users_email_key', ['tenantId', 'email'])
export class User {
  @TenantColumn({ primary: true })
  tenantId!: string

  @PrimaryGeneratedColumn('uuid')
  id!: string

  @Column('text')
  email!: string

  @Column('text')
  name!: string

  @Column('text')
  role!: UserRole

  /** Only read by who asks for it by name. */
  @Column('text', { name: 'password_hash', select: false })
  passwordHash!: string
}
