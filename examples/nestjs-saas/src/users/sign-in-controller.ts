import { Body, Controller, HttpCode, Inject, Post } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags, ApiUnauthorizedResponse } from '@nestjs/swagger'
import { AccessFor } from '../access/access-for.ts'
import { SignIn } from './sign-in.ts'
import { AccessToken, Credentials } from './user-data.ts'

@ApiTags('users')
@Controller('sign-in')
export class SignInController {
  readonly #signIn: SignIn

  constructor(@Inject(SignIn) signIn: SignIn) {
    this.#signIn = signIn
  }

  @Post()
  @AccessFor('visitors')
  @HttpCode(200)
  @ApiOperation({ summary: 'At the subdomain of the tenant: its users sign in, and no others' })
  @ApiOkResponse({ type: AccessToken })
  @ApiUnauthorizedResponse({ description: 'No such user, another password, or no such subdomain' })
  signIn(@Body() credentials: Credentials): Promise<AccessToken> {
    return this.#signIn.signIn(credentials)
  }
}
