import * as common from '@nestjs/common'
import { ApplicationConfig } from '@nestjs/core'

/** The release line of Nest that the tests run on, by what each brought. */
export const nestRelease =
  'getGlobalPreRequestHooks' in ApplicationConfig.prototype ? 12 : 'IntrinsicException' in common ? 11 : 10
