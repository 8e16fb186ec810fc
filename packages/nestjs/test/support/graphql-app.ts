// Loaded on Nest 12 alone: the other release lines are tested without GraphQL.
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo'
import {
  Injectable,
  UseGuards,
  UseInterceptors,
  type CallHandler,
  type CanActivate,
  type DynamicModule,
  type NestInterceptor,
  type Type,
} from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import {
  Field,
  GraphQLModule,
  ObjectType,
  Parent,
  Query,
  ResolveField,
  Resolver,
  Subscription,
} from '@nestjs/graphql'
import { PubSub } from 'graphql-subscriptions'
import { createClient, type Client } from 'graphql-ws'
import type { Observable } from 'rxjs'
import { onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { tenantTopic } from '../../src/index.ts'
import type { TenantSubscriptions } from '../../src/graphql/index.ts'
import { rootModule } from './application.ts'
import { current, projectNames, tenancy, type Tenants } from './tenants.ts'

@ObjectType()
class Project {
  @Field(() => String) readonly name!: string
  @Field(() => String) readonly scope!: string
}

@Injectable()
class SeeingGuard implements CanActivate {
  canActivate(): boolean {
    places.push(`guard ${current()}`)
    return true
  }
}

@Injectable()
class SeeingInterceptor implements NestInterceptor {
  intercept(_context: unknown, next: CallHandler): Observable<unknown> {
    places.push(`interceptor ${current()}`)
    return next.handle()
  }
}

/** What was current at each place, in order. */
export const places: string[] = []
export const pubSub = new PubSub()

/** A resolver of projects and what happens to them. */
export function projectsResolver(fixture: Tenants): Type<unknown> {
  @Resolver(() => Project)
  class ProjectsResolver {
    @Query(() => [Project])
    async projects(): Promise<{ name: string }[]> {
      return (await projectNames(fixture)).map((name) => ({ name }))
    }

    @ResolveField('scope', () => String)
    scope(@Parent() _project: unknown): string {
      return current()
    }

    /** To everybody: the topic has no tenant. */
    @Subscription(() => Project)
    anyProject(): AsyncIterator<unknown> {
      return pubSub.asyncIterableIterator('anyProject')
    }

    @UseGuards(SeeingGuard)
    @UseInterceptors(SeeingInterceptor)
    @Subscription(() => Project, {
      filter: () => {
        places.push(`filter ${current()}`)
        return true
      },
      async resolve(event: { projectAdded: unknown }) {
        places.push(
          `resolve ${current()}`,
          `reads ${(await projectNames(fixture).catch(({ code }) => [code]))[0]}`,
        )
        return event.projectAdded
      },
    })
    projectAdded(): AsyncIterator<unknown> {
      places.push(`subscribe ${current()}`)
      return pubSub.asyncIterableIterator(
        tenancy.current() === undefined ? 'nobody' : tenantTopic(tenancy, 'projectAdded'),
      )
    }
  }
  return ProjectsResolver
}

/** An application with these subscriptions: its address. */
export async function startGraphql(
  fixture: Tenants,
  tenancyModule: DynamicModule,
  subscriptions: TenantSubscriptions | true,
): Promise<string> {
  const app = await NestFactory.create(
    rootModule({
      imports: [
        tenancyModule,
        GraphQLModule.forRoot<ApolloDriverConfig>({
          driver: ApolloDriver,
          autoSchemaFile: true,
          subscriptions: { 'graphql-ws': subscriptions },
        }),
      ],
      providers: [projectsResolver(fixture)],
    }),
    { logger: false, abortOnError: false },
  )
  onTestFinished(() => app.close())
  await app.listen(0, '127.0.0.1')
  return `${await app.getUrl()}/graphql`
}

/** A client of graphql-ws. */
export function subscriber(
  url: string,
  connectionParams: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Client {
  class WithHeaders extends WebSocket {
    constructor(address: string, protocols: string | string[]) {
      super(address, protocols, { headers })
    }
  }
  const client = createClient({
    url: url.replace('http', 'ws'),
    webSocketImpl: WithHeaders,
    connectionParams,
    retryAttempts: 0,
    lazy: true,
  })
  onTestFinished(() => client.dispose())
  return client
}

/** The answers to an operation, one after another. */
export function answersTo(client: Client, query: string): ReturnType<Client['iterate']> {
  return client.iterate({ query })
}
