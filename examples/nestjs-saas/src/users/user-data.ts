import { ApiProperty } from '@nestjs/swagger'
import { IsIn, Length } from 'class-validator'
import { Email } from './email.ts'
import { USER_ROLES, type UserRole } from './user-role.ts'

export class NewUser {
  @Email()
  email!: string

  @ApiProperty({ example: 'Grace' })
  @Length(1, 200)
  name!: string

  @ApiProperty({ enum: USER_ROLES })
  @IsIn(USER_ROLES)
  role!: UserRole

  @ApiProperty({ minLength: 12, example: 'correct horse battery' })
  @Length(12, 200)
  password!: string
}

export class UserData {
  @ApiProperty({ format: 'uuid' })
  id!: string

  @ApiProperty()
  email!: string

  @ApiProperty()
  name!: string

  @ApiProperty({ enum: USER_ROLES })
  role!: UserRole
}

export class Credentials {
  @Email()
  email!: string

  @ApiProperty({ example: 'correct horse battery' })
  @Length(1, 200)
  password!: string
}

export class AccessToken {
  @ApiProperty({ description: 'For the header Authorization: Bearer' })
  token!: string
}
