import { ApiProperty } from '@nestjs/swagger'
import { TASK_STATUSES, type TaskStatus } from '../tasks/task-status.ts'

export class TaskCount {
  @ApiProperty()
  tenant!: string

  @ApiProperty({ enum: TASK_STATUSES })
  status!: TaskStatus

  @ApiProperty()
  tasks!: number
}

export class AuditEntryData {
  @ApiProperty({ format: 'date-time' })
  at!: Date

  @ApiProperty()
  reason!: string

  @ApiProperty({ type: String, nullable: true })
  operator!: string | null

  @ApiProperty({ type: String, nullable: true })
  request!: string | null
}
