import { ApiProperty } from '@nestjs/swagger'
import { Type } from 'class-transformer'
import { IsNotIn, IsObject, Length, Matches, ValidateNested } from 'class-validator'
import { Email } from '../users/email.ts'
import { RESERVED_SLUGS } from './tenant-slugs.ts'

/** The first administrator. */
export class NewAdministrator {
  @Email()
  email!: string

  @ApiProperty({ example: 'Ada' })
  @Length(1, 200)
  name!: string

  @ApiProperty({ minLength: 12, example: 'correct horse battery' })
  @Length(12, 200)
  password!: string
}

export class NewTenant {
  @ApiProperty({ example: 'Acme Ltd' })
  @Length(1, 200)
  name!: string

  @ApiProperty({ description: 'The subdomain to sign in at', example: 'acme' })
  @Matches(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/)
  @IsNotIn(RESERVED_SLUGS)
  slug!: string

  @ApiProperty({ type: NewAdministrator })
  @Type(() => NewAdministrator)
  @IsObject()
  @ValidateNested()
  administrator!: NewAdministrator
}

export class CreatedTenant {
  @ApiProperty({ format: 'uuid' })
  id!: string

  @ApiProperty()
  name!: string

  @ApiProperty()
  slug!: string
}
