import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger'
import { IsIn, IsOptional, IsUUID, Length, ValidateIf } from 'class-validator'
import { Page } from '../page.ts'
import { TASK_STATUSES, type TaskStatus } from './task-status.ts'

export class NewTask {
  @ApiProperty({ example: 'Write the text' })
  @Length(1, 500)
  title!: string

  @ApiPropertyOptional({ type: String, format: 'uuid', nullable: true, description: 'A user of the tenant' })
  @IsOptional()
  @IsUUID()
  assigneeId?: string | null
}

export class TaskChanges {
  @ApiPropertyOptional({ type: String })
  @ValidateIf(isGiven)
  @Length(1, 500)
  title?: string

  @ApiPropertyOptional({ enum: TASK_STATUSES })
  @ValidateIf(isGiven)
  @IsIn(TASK_STATUSES)
  status?: TaskStatus

  @ApiPropertyOptional({ type: String, format: 'uuid', nullable: true })
  @IsOptional()
  @IsUUID()
  assigneeId?: string | null
}

/** Unlike IsOptional, which lets null pass. */
function isGiven(_changes: object, value: unknown): boolean {
  return value !== undefined
}

export class TaskQuery extends Page {
  @ApiPropertyOptional({ enum: TASK_STATUSES })
  @IsOptional()
  @IsIn(TASK_STATUSES)
  status?: TaskStatus
}

export class TaskData {
  @ApiProperty({ format: 'uuid' })
  id!: string

  @ApiProperty({ format: 'uuid' })
  projectId!: string

  @ApiProperty()
  title!: string

  @ApiProperty({ enum: TASK_STATUSES })
  status!: TaskStatus

  @ApiProperty({ type: String, format: 'uuid', nullable: true })
  assigneeId!: string | null
}
