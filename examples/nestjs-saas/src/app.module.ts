import { Global, Module, type DynamicModule } from '@nestjs/common'
import { APP_FILTER } from '@nestjs/core'
import { TenancyModule, tenantFromClaim, tenantFromSubdomain } from '@tenantry/nestjs'
import { AccessModule } from './access/access.module.ts'
import type { AuthenticatedRequest } from './access/access-guard.ts'
import { AuditModule } from './audit/audit.module.ts'
import { CONFIGURATION, type Configuration } from './configuration.ts'
import { DatabaseErrorFilter } from './database/database-error-filter.ts'
import { DatabaseModule } from './database/database.module.ts'
import { HealthController } from './health/health-controller.ts'
import { ProjectsModule } from './projects/projects.module.ts'
import { ReportsModule } from './reports/reports.module.ts'
import { TasksModule } from './tasks/tasks.module.ts'
import { tenancy } from './tenancy.ts'
import { RESERVED_SLUGS, TenantSlugs } from './tenants/tenant-slugs.ts'
import { TenantsModule } from './tenants/tenants.module.ts'
import { Users } from './users/users.ts'
import { UsersModule } from './users/users.module.ts'

/** For which tenant a request acts: the verified token's, and the subdomain's. If both say, they have to agree. */
const tenancyModule = TenancyModule.forRootAsync({
  imports: [TenantsModule, UsersModule],
  inject: [CONFIGURATION, TenantSlugs, Users],
  useFactory: ({ baseDomain }: Configuration, slugs: TenantSlugs, users: Users) => ({
    tenancy,
    resolve: [
      tenantFromClaim('tenant_id'),
      tenantFromSubdomain({
        baseDomain,
        reserved: RESERVED_SLUGS,
        lookup: (subdomain) => slugs.findTenantId(subdomain),
      }),
    ],
    // A subdomain says what is asked for, not who asks: that is what AccessGuard has verified.
    membership: (_tenant, { raw }) => {
      const { user } = raw as AuthenticatedRequest
      if (user === undefined) return false
      return user === null || users.isCurrent(user)
    },
  }),
})

@Global()
@Module({})
export class AppModule {
  static forRoot(configuration: Configuration): DynamicModule {
    return {
      module: AppModule,
      imports: [
        // Before the tenancy, whose guard then finds the user on the request.
        AccessModule,
        tenancyModule,
        DatabaseModule,
        AuditModule,
        TenantsModule,
        UsersModule,
        ProjectsModule,
        TasksModule,
        ReportsModule,
      ],
      controllers: [HealthController],
      providers: [
        { provide: CONFIGURATION, useValue: configuration },
        { provide: APP_FILTER, useClass: DatabaseErrorFilter },
      ],
      exports: [CONFIGURATION],
    }
  }
}
