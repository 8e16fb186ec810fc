import { Module } from '@nestjs/common'
import { TypeOrmModule } from '@nestjs/typeorm'
import { Onboarding } from './onboarding.ts'
import { TenantSlug } from './tenant-slug.entity.ts'
import { TenantSlugs } from './tenant-slugs.ts'
import { TenantsController } from './tenants-controller.ts'

@Module({
  imports: [TypeOrmModule.forFeature([TenantSlug])],
  controllers: [TenantsController],
  providers: [Onboarding, TenantSlugs],
  exports: [TenantSlugs],
})
export class TenantsModule {}
