import { Column, Entity, PrimaryColumn } from 'typeorm'

/** The application sees one row: its own tenant's. */
@Entity('tenants')
export class Tenant {
  @PrimaryColumn('uuid')
  id!: string

  @Column('text')
  name!: string
}
