import { SetMetadata, type CustomDecorator } from '@nestjs/common'

/**
 * Who may call a route: anybody, users of a tenant, its administrators, or those who run the whole service.
 * What nobody has thought about is for members.
 */
export type Access = 'visitors' | 'members' | 'admins' | 'operators'

export const ACCESS = Symbol('access')

/** Says who may call the route, or every route of the controller. */
export function AccessFor(access: Access): CustomDecorator<symbol> {
  return SetMetadata(ACCESS, access)
}
