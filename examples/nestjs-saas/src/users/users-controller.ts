import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Inject,
  Param,
  ParseUUIDPipe,
  Post,
  Query,
} from '@nestjs/common'
import {
  ApiBearerAuth,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiTags,
} from '@nestjs/swagger'
import { AccessFor } from '../access/access-for.ts'
import { Page } from '../page.ts'
import { NewUser, UserData } from './user-data.ts'
import { Users } from './users.ts'

@ApiTags('users')
@ApiBearerAuth()
@Controller('users')
export class UsersController {
  readonly #users: Users

  constructor(@Inject(Users) users: Users) {
    this.#users = users
  }

  @Get()
  @ApiOkResponse({ type: [UserData] })
  list(@Query() page: Page): Promise<UserData[]> {
    return this.#users.list(page)
  }

  @Post()
  @AccessFor('admins')
  @ApiCreatedResponse({ type: UserData })
  create(@Body() user: NewUser): Promise<UserData> {
    return this.#users.create(user)
  }

  @Delete(':id')
  @AccessFor('admins')
  @HttpCode(204)
  @ApiNoContentResponse()
  remove(@Param('id', ParseUUIDPipe) id: string): Promise<void> {
    return this.#users.remove(id)
  }
}
