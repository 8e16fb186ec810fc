import { ApiPropertyOptional } from '@nestjs/swagger'
import { Type } from 'class-transformer'
import { IsInt, Max, Min } from 'class-validator'

/** Which part of a list is asked for. */
export class Page {
  @ApiPropertyOptional({ type: Number, default: 0 })
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(1_000_000)
  skip = 0

  @ApiPropertyOptional({ type: Number, default: 50, maximum: 100 })
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(100)
  take = 50
}
