import { Controller, Get, Inject, Injectable, Scope } from '@nestjs/common'
import { REQUEST } from '@nestjs/core'
import { describe, expect, test } from 'vitest'
import { CurrentTenant, TenancyModule, tenantFromHeader, TenantGuard } from '../src/index.ts'
import { adapters, rootModule, startApplication } from './support/application.ts'
import { tenancy } from './support/places.ts'

const headers = { 'x-tenant': 'acme' }

describe.each(adapters)('on %s', (adapter) => {
  /** How many instances of an application's classes ten requests make. */
  async function instancesOfTenRequests(isRequestScoped: boolean): Promise<number> {
    let instances = 0

    @Injectable(isRequestScoped ? { scope: Scope.REQUEST } : {})
    class TenantService {
      readonly #given: unknown

      constructor(@Inject(isRequestScoped ? REQUEST : TenantGuard) given: unknown) {
        this.#given = given
        instances += 1
      }

      tenant(): string {
        return isRequestScoped
          ? String((this.#given as { headers: Record<string, string> }).headers['x-tenant'])
          : tenancy.tenantId()
      }
    }

    @Injectable()
    class ProjectsService {
      readonly tenants: TenantService

      constructor(@Inject(TenantService) tenants: TenantService) {
        this.tenants = tenants
        instances += 1
      }
    }

    @Controller()
    class ProjectsController {
      readonly #projects: ProjectsService

      constructor(@Inject(ProjectsService) projects: ProjectsService) {
        this.#projects = projects
        instances += 1
      }

      @Get()
      tenant(@CurrentTenant() tenantId: string): string[] {
        return [tenantId, this.#projects.tenants.tenant()]
      }
    }

    const { request } = await startApplication(
      rootModule({
        imports: [
          TenancyModule.forRoot({ tenancy, resolve: tenantFromHeader('x-tenant', { trustedProxy: true }) }),
        ],
        controllers: [ProjectsController],
        providers: [ProjectsService, TenantService, TenantGuard],
      }),
      adapter,
    )
    const before = instances
    for (let index = 0; index < 10; index += 1) {
      expect(await (await request('/', { headers })).json()).toEqual(['acme', 'acme'])
    }
    return instances - before
  }

  test('request-scoped providers are made anew for every request, with all that depend on them', async () => {
    expect(await instancesOfTenRequests(true)).toBe(30)
  })

  test('a request with a tenant makes no instances', async () => {
    expect(await instancesOfTenRequests(false)).toBe(0)
  })
})
