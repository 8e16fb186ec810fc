import { Inject } from '@nestjs/common'
import { TenantryError, type Tenancy } from '@tenantry/core'
import { TENANCY } from '../tenancy-module-options.ts'

type Method = (this: object, ...values: unknown[]) => unknown

/** What surrounds a method: given the tenancy, the provider, and the method with its values. */
export type Around<Self> = (tenancy: Tenancy, self: Self, call: () => unknown) => unknown

// The provider gets the tenancy as an injected property, so that two applications in one process each use their own.
const INJECTED = Symbol('@tenantry/nestjs/injected-tenancy')

/** A decorator that replaces a method, in whatever order it stands with those that leave metadata on it. */
export function aroundMethod<Self extends object>(
  decorator: string,
  around: Around<Self>,
): (target: object, name: PropertyKey, descriptor: PropertyDescriptor) => void {
  return (target, name, descriptor) => {
    const original: unknown = descriptor.value
    if (typeof target === 'function' || typeof original !== 'function') {
      throw new TenantryError({
        code: 'INVALID_CONFIG',
        message: `${decorator} is for methods of providers, and ${String(name)} is none. Put it on such a method.`,
      })
    }
    Inject(TENANCY)(target, INJECTED)
    const method = original as Method
    const wrapper: Method = function (...values) {
      const { [INJECTED]: tenancy } = this as { [INJECTED]?: Tenancy }
      if (tenancy === undefined) {
        throw new TenantryError({
          code: 'INVALID_CONFIG',
          message:
            `${decorator} on ${String(name)} has no tenancy, for Nest did not make the object. ` +
            'Let a module with TenancyModule around it provide it.',
        })
      }
      return around(tenancy, this as Self, () => method.apply(this, values))
    }
    // Nest finds parameters by the method's name, and schedules and listeners by the metadata of the function.
    Object.defineProperty(wrapper, 'name', { value: method.name, configurable: true })
    Object.defineProperty(wrapper, 'length', { value: method.length, configurable: true })
    for (const key of Reflect.getOwnMetadataKeys(method)) {
      Reflect.defineMetadata(key, Reflect.getOwnMetadata(key, method), wrapper)
    }
    descriptor.value = wrapper
  }
}
