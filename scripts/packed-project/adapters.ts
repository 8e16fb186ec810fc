import 'reflect-metadata'
import { Controller, Get, Inject, Injectable, Module } from '@nestjs/common'
import { createTenancy } from '@tenantry/core'
import { TenantPool } from '@tenantry/core/pg'
import { tenantPostgres } from '@tenantry/core/postgres-js'
import { tenantId, tenantIsolation } from '@tenantry/drizzle'
import { drizzle } from '@tenantry/drizzle/node-postgres'
import { drizzle as drizzleOnPostgresJs } from '@tenantry/drizzle/postgres-js'
import { currentTenantId, type TenantOwned } from '@tenantry/kysely'
import { CurrentTenant, tenantFromClaim, TenancyModule } from '@tenantry/nestjs'
import { TenantColumn, TenantDataSource, TenantRepository } from '@tenantry/typeorm'
import { pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { Kysely, PostgresDialect, type Generated } from 'kysely'
import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm'

const tenancy = createTenancy({ tenantId: 'uuid' })
const pool = new TenantPool({ tenancy, connectionString: 'postgres://localhost/app' })

interface Database {
  projects: TenantOwned<{ id: Generated<string>; name: string }>
}
const kysely = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) })

export async function addProject(name: string): Promise<{ id: string; tenant_id: string }> {
  await kysely.selectFrom('projects').where('tenant_id', '=', currentTenantId()).selectAll().execute()
  return kysely
    .insertInto('projects')
    .values({ name })
    .returning(['id', 'tenant_id'])
    .executeTakeFirstOrThrow()
}

const projects = pgTable(
  'projects',
  { id: uuid().primaryKey().defaultRandom(), tenantId: tenantId(), name: text().notNull() },
  (table) => tenantIsolation(table.tenantId, { role: 'tenantry_app' }),
)
const db = drizzle({ client: pool })
const sql = tenantPostgres('postgres://localhost/app', { tenancy })
const dbOnPostgresJs = drizzleOnPostgresJs({ client: sql })

export async function projectNames(): Promise<string[]> {
  const rows = [...(await db.select().from(projects)), ...(await dbOnPostgresJs.select().from(projects))]
  return rows.map(({ name }) => name)
}

@Entity('projects')
export class Project {
  @PrimaryGeneratedColumn('uuid') id!: string
  @TenantColumn() tenantId!: string
  @Column('text') name!: string
}

const dataSource = new TenantDataSource({ type: 'postgres', tenancy, entities: [Project] })

@Injectable()
export class ProjectsService {
  readonly projects: TenantRepository<Project> = TenantRepository.of(dataSource, Project)
}

@Controller('projects')
export class ProjectsController {
  @Inject(ProjectsService) readonly service!: ProjectsService

  @Get()
  all(@CurrentTenant() tenant: string): Promise<Project[]> {
    return this.service.projects.findBy({ tenantId: tenant })
  }
}

@Module({
  imports: [TenancyModule.forRoot({ tenancy, resolve: tenantFromClaim('tenant_id') })],
  controllers: [ProjectsController],
  providers: [ProjectsService],
})
export class AppModule {}
