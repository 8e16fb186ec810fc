import { Module, type MiddlewareConsumer, type NestModule } from '@nestjs/common'
import { TypeOrmModule } from '@nestjs/typeorm'
import type { AuthenticatedRequest } from '../access/access-guard.ts'
import { AuditEntry } from './audit-entry.entity.ts'
import { AuditLog } from './audit-log.ts'
import { currentRequest } from './current-request.ts'

@Module({
  imports: [TypeOrmModule.forFeature([AuditEntry])],
  providers: [AuditLog],
  exports: [AuditLog, TypeOrmModule],
})
export class AuditModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer
      .apply((request: AuthenticatedRequest, _response: unknown, next: () => void) =>
        currentRequest.run(request, next),
      )
      .forRoutes('{*path}')
  }
}
