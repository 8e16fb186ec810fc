import {
  Controller,
  Get,
  HttpException,
  Inject,
  Injectable,
  Param,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
  type Provider,
} from '@nestjs/common'
import type pg from 'pg'
import { CurrentTenant, SystemAccess, TenantGuard, WithoutTenant } from '../../src/index.ts'
import { tenancy } from './tenants.ts'

export const POOL = Symbol('pool')

export function poolProvider(pool: () => pg.Pool): Provider {
  return { provide: POOL, useFactory: pool }
}

export interface User {
  readonly sub: string
  readonly tenant_id?: unknown
}

interface AuthenticatedRequest {
  headers: Record<string, string | undefined>
  user?: User
}

/** Stands for an application's authentication: `x-user` is taken for a verified token. */
@Injectable()
export class AuthenticationGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>()
    const text = request.headers['x-user']
    if (text === undefined) return true
    request.user = await Promise.resolve(JSON.parse(text) as User)
    return true
  }
}

@Injectable()
export class OperatorGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    scopesInOperatorGuard.push(tenancy.current()?.kind)
    return context.switchToHttp().getRequest<AuthenticatedRequest>().user?.sub === 'operator'
  }
}

export const scopesInOperatorGuard: (string | undefined)[] = []

/** Reads the database, as a guard of roles would. */
@Injectable()
export class UsersGuard implements CanActivate {
  readonly #pool: pg.Pool

  constructor(@Inject(POOL) pool: pg.Pool) {
    this.#pool = pool
  }

  async canActivate(): Promise<boolean> {
    const { rows } = await this.#pool.query('select 1 from users')
    return rows.length === 1
  }
}

async function names(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>('select name from projects order by name')
  return rows.map(({ name }) => name)
}

/** Routes as an application has them. */
@Controller()
export class ProjectsController {
  readonly #pool: pg.Pool

  constructor(@Inject(POOL) pool: pg.Pool) {
    this.#pool = pool
  }

  @Get('projects')
  projects(): Promise<string[]> {
    return names(this.#pool)
  }

  @UseGuards(AuthenticationGuard)
  @Get('guarded')
  guarded(): Promise<string[]> {
    return names(this.#pool)
  }

  @UseGuards(AuthenticationGuard, UsersGuard)
  @Get('guarded-too-early')
  guardedTooEarly(): Promise<string[]> {
    return names(this.#pool)
  }

  @UseGuards(AuthenticationGuard, TenantGuard, UsersGuard)
  @Get('guarded-twice')
  guardedTwice(): Promise<string[]> {
    return names(this.#pool)
  }

  @Get('tenants/:tenantId/projects')
  projectsOf(@Param('tenantId') _tenantId: string): Promise<string[]> {
    return names(this.#pool)
  }

  @Get('whoami')
  whoami(@CurrentTenant() tenantId: string): { tenantId: string; values: unknown } {
    return { tenantId, values: tenancy.current()?.values }
  }

  @WithoutTenant()
  @Get('health')
  async health(): Promise<{ plans: number; projects: number }> {
    const { rows } = await this.#pool.query<{ plans: number; projects: number }>(
      'select (select count(*)::int from plans) as plans, (select count(*)::int from projects) as projects',
    )
    return rows[0] as { plans: number; projects: number }
  }

  @WithoutTenant()
  @Get('nobody')
  nobody(@CurrentTenant() tenantId: string): string {
    return tenantId
  }

  @SystemAccess('usage of all tenants')
  @UseGuards(AuthenticationGuard, OperatorGuard)
  @Get('usage')
  async usage(): Promise<number> {
    return (await names(this.#pool)).length
  }

  @WithoutTenant()
  @Get('broken')
  broken(): Promise<string[]> {
    // What a handler forgets: a callback of a library that lost the context would be the same.
    return tenancy.defer(() => names(this.#pool))
  }

  @Get('conflict')
  conflict(): never {
    throw new HttpException({ statusCode: 409, message: 'mine' }, 409)
  }

  @Get('sql-error')
  async sqlError(): Promise<void> {
    await this.#pool.query('select * from no_such_table')
  }
}
