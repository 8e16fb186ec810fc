import { Controller, Get, Inject, Query } from '@nestjs/common'
import { ApiBearerAuth, ApiOkResponse, ApiTags } from '@nestjs/swagger'
import { SystemAccess } from '@tenantry/nestjs'
import { AccessFor } from '../access/access-for.ts'
import { Page } from '../page.ts'
import { AuditEntryData, TaskCount } from './report-data.ts'
import { Reports } from './reports.ts'

@ApiTags('operators')
@ApiBearerAuth()
@AccessFor('operators')
@Controller('reports')
export class ReportsController {
  readonly #reports: Reports

  constructor(@Inject(Reports) reports: Reports) {
    this.#reports = reports
  }

  @Get('tasks')
  @SystemAccess('tasks by tenant and status')
  @ApiOkResponse({ type: [TaskCount] })
  countTasks(): Promise<TaskCount[]> {
    return this.#reports.countTasks()
  }

  @Get('audit')
  @SystemAccess('reading the audit log')
  @ApiOkResponse({ type: [AuditEntryData] })
  auditLog(@Query() page: Page): Promise<AuditEntryData[]> {
    return this.#reports.auditLog(page)
  }
}
