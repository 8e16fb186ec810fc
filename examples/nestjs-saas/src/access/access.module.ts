import { Global, Module } from '@nestjs/common'
import { APP_GUARD } from '@nestjs/core'
import { AccessGuard } from './access-guard.ts'
import { Tokens } from './tokens.ts'

/** Imported before the TenancyModule, so that the guard has put the user on the request when the tenant is asked for. */
@Global()
@Module({
  providers: [Tokens, { provide: APP_GUARD, useClass: AccessGuard }],
  exports: [Tokens],
})
export class AccessModule {}
