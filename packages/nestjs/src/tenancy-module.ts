import { ConfigurableModuleBuilder, Global, Inject, Module } from '@nestjs/common'
import * as common from '@nestjs/common'
import type {
  ConfigurableModuleAsyncOptions,
  DynamicModule,
  MiddlewareConsumer,
  NestModule,
} from '@nestjs/common'
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, HttpAdapterHost } from '@nestjs/core'
import type { EventEmitter } from 'node:events'
import { invalidConfig } from './invalid-config.ts'
import { RequestTenants } from './request-tenants.ts'
import { TenancyExceptionFilter } from './tenancy-exception-filter.ts'
import { TenancyMiddleware } from './tenancy-middleware.ts'
import {
  TENANCY,
  TENANCY_OPTIONS,
  type TenancyModuleOptions,
  type TenancyOptionsFactory,
} from './tenancy-module-options.ts'
import { EarlyTenantGuard } from './tenant-guard.ts'
import { TenantInterceptor } from './tenant-interceptor.ts'

const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<TenancyModuleOptions>({
  optionsInjectionToken: TENANCY_OPTIONS,
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createTenancyOptions')
  .build()

// The path that reaches most, routes without the global prefix too. Nest 11 spells it anew and warns of the old way; what
// Nest 10 does not export tells them apart.
const EVERY_PATH = 'IntrinsicException' in common ? '{*splat}' : '*'

/** What is needed of a Fastify instance, without its types: applications on Express do without it. */
interface FastifyHooks {
  addHook(
    name: 'onRequest',
    hook: (request: { raw: EventEmitter }, reply: { raw: EventEmitter }, done: () => void) => void,
  ): void
}

/** What `TenancyModule.forRootAsync` takes: one of `useFactory` (with `inject`), `useClass` and `useExisting`; and `imports`. */
export type TenancyModuleAsyncOptions = ConfigurableModuleAsyncOptions<
  TenancyModuleOptions,
  keyof TenancyOptionsFactory
>

/**
 * Gives every request of the application the tenant it acts for: all guards, interceptors, pipes, handlers, filters and
 * streams of the request, and what they start. Import it once, in the root module, before every other module that has
 * middleware. It is global; nothing of it is request-scoped.
 */
@Global()
@Module({
  providers: [
    {
      provide: TENANCY,
      useFactory: (options: TenancyModuleOptions) => checkOptions(options).tenancy,
      inject: [TENANCY_OPTIONS],
    },
    RequestTenants,
    TenancyMiddleware,
    { provide: APP_GUARD, useClass: EarlyTenantGuard },
    { provide: APP_INTERCEPTOR, useClass: TenantInterceptor },
    { provide: APP_FILTER, useClass: TenancyExceptionFilter },
  ],
  exports: [TENANCY, TENANCY_OPTIONS, RequestTenants],
})
export class TenancyModule extends ConfigurableModuleClass implements NestModule {
  /**
   * @throws TenantryError `INVALID_CONFIG` when the application starts
   * @example
   * ```ts no-run
   * TenancyModule.forRoot({ tenancy, resolve: tenantFromClaim('tenant_id') })
   * ```
   */
  static override forRoot(options: TenancyModuleOptions): DynamicModule {
    return super.forRoot(options)
  }

  /**
   * @throws TenantryError `INVALID_CONFIG` when the application starts
   * @example
   * ```ts no-run
   * TenancyModule.forRootAsync({
   *   inject: [ConfigService],
   *   useFactory: (config: ConfigService) => ({
   *     tenancy,
   *     resolve: tenantFromSubdomain({ baseDomain: config.getOrThrow('BASE_DOMAIN') }),
   *   }),
   * })
   * ```
   */
  static override forRootAsync(options: TenancyModuleAsyncOptions): DynamicModule {
    return super.forRootAsync(options)
  }

  readonly #adapterHost: HttpAdapterHost
  readonly #middleware: TenancyMiddleware

  constructor(
    @Inject(HttpAdapterHost) adapterHost: HttpAdapterHost,
    @Inject(TenancyMiddleware) middleware: TenancyMiddleware,
  ) {
    super()
    this.#adapterHost = adapterHost
    this.#middleware = middleware
  }

  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(TenancyMiddleware).forRoutes(EVERY_PATH)
    const adapter = this.#adapterHost.httpAdapter
    if (adapter.getType() !== 'fastify') return
    // There no path reaches everything: once `/` is excluded from a global prefix, `*` of Nest 10 to 12 means less than
    // that. What the middleware has seen already keeps its scope.
    adapter
      .getInstance<FastifyHooks>()
      .addHook('onRequest', ({ raw: request }, { raw: response }, done) =>
        this.#middleware.use(request, response, done),
      )
  }
}

function checkOptions(options: TenancyModuleOptions): TenancyModuleOptions {
  const { tenancy, resolve }: Partial<TenancyModuleOptions> = options ?? {}
  if (typeof tenancy?.defer !== 'function' || typeof tenancy.assignSystem !== 'function') {
    throw invalidConfig(
      'TenancyModule',
      '"tenancy" is not what createTenancy of @tenantry/core returned, in the version that this package needs.',
    )
  }
  const resolvers: readonly unknown[] = Array.isArray(resolve) ? resolve : [resolve]
  if (resolvers.some((resolver) => typeof resolver !== 'function')) {
    throw invalidConfig(
      'TenancyModule',
      '"resolve" is not a resolver, or a list of resolvers. Give tenantFromClaim(…), tenantFromJwt(…) or a function of your own.',
    )
  }
  return options
}
