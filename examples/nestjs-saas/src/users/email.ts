import { applyDecorators } from '@nestjs/common'
import { ApiProperty } from '@nestjs/swagger'
import { Transform, type TransformFnParams } from 'class-transformer'
import { IsEmail, MaxLength } from 'class-validator'

/** An e-mail address in a body: in lower case, so that nobody has two, or is not found for a capital. */
export function Email(): PropertyDecorator {
  return applyDecorators(
    ApiProperty({ example: 'ada@acme.example' }),
    Transform(({ value }: TransformFnParams): unknown =>
      typeof value === 'string' ? value.toLowerCase() : value,
    ),
    IsEmail(),
    // RFC 5321, 4.5.3.1.3, without the brackets.
    MaxLength(254),
  )
}
