import { ApiProperty } from '@nestjs/swagger'
import { Length } from 'class-validator'

export class NewProject {
  @ApiProperty({ example: 'Website' })
  @Length(1, 200)
  name!: string
}

export class ProjectData {
  @ApiProperty({ format: 'uuid' })
  id!: string

  @ApiProperty()
  name!: string
}
