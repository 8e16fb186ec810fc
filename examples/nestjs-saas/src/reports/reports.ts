import { Inject, Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { AuditEntry } from '../audit/audit-entry.entity.ts'
import { AuditLog } from '../audit/audit-log.ts'
import type { Page } from '../page.ts'
import { Task } from '../tasks/task.entity.ts'
import { Tenant } from '../tenants/tenant.entity.ts'
import type { AuditEntryData, TaskCount } from './report-data.ts'

/** What concerns all tenants. Nothing here asks for more rights: without a system scope it finds one tenant, or nobody. */
@Injectable()
export class Reports {
  readonly #dataSource: DataSource
  readonly #audit: AuditLog

  constructor(@Inject(DataSource) dataSource: DataSource, @Inject(AuditLog) audit: AuditLog) {
    this.#dataSource = dataSource
    this.#audit = audit
  }

  async countTasks(): Promise<TaskCount[]> {
    await this.#audit.written()
    return this.#dataSource
      .createQueryBuilder(Task, 'task')
      .innerJoin(Tenant, 'tenant', 'tenant.id = task.tenantId')
      .select('tenant.name', 'tenant')
      .addSelect('task.status', 'status')
      .addSelect('count(*)::int', 'tasks')
      .groupBy('tenant.id')
      .addGroupBy('task.status')
      .orderBy('tenant.name')
      .addOrderBy('task.status')
      .getRawMany<TaskCount>()
  }

  async auditLog({ skip, take }: Page): Promise<AuditEntryData[]> {
    await this.#audit.written()
    const entries = await this.#dataSource
      .getRepository(AuditEntry)
      .find({ order: { id: 'DESC' }, skip, take })
    return entries.map(({ at, reason, operator, request }) => ({ at, reason, operator, request }))
  }
}
