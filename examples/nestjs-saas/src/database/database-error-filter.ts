import { BadRequestException, Catch, ConflictException, NotFoundException } from '@nestjs/common'
import type { ArgumentsHost, HttpException } from '@nestjs/common'
import { BaseExceptionFilter } from '@nestjs/core'
import { QueryFailedError } from 'typeorm'

/** What a client hears when the database refuses by a constraint. It tells nothing of other tenants. */
const ANSWERS: Readonly<Record<string, () => HttpException>> = {
  projects_name_key: () => new ConflictException('A project has this name already.'),
  users_email_key: () => new ConflictException('A user has this e-mail address already.'),
  tenant_slugs_pkey: () => new ConflictException('This slug is taken.'),
  // Also for another tenant's: to the foreign key it is not there.
  tasks_project_fkey: () => new NotFoundException('There is no such project.'),
  tenantry_tasks_assignee: () => new BadRequestException('There is no such user to assign.'),
}

/** Whatever is not in the list is this application's fault: 500, and the log has it. */
@Catch(QueryFailedError)
export class DatabaseErrorFilter extends BaseExceptionFilter {
  override catch(error: QueryFailedError, host: ArgumentsHost): void {
    // oxlint-disable-next-line promise/valid-params -- it is no promise
    return super.catch(answerTo(error) ?? error, host)
  }
}

function answerTo({ driverError }: QueryFailedError): HttpException | undefined {
  const { constraint } = driverError as { constraint?: string }
  return constraint !== undefined && Object.hasOwn(ANSWERS, constraint) ? ANSWERS[constraint]?.() : undefined
}
