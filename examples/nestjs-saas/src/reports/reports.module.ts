import { Module } from '@nestjs/common'
import { AuditModule } from '../audit/audit.module.ts'
import { ReportsController } from './reports-controller.ts'
import { Reports } from './reports.ts'

@Module({ imports: [AuditModule], controllers: [ReportsController], providers: [Reports] })
export class ReportsModule {}
