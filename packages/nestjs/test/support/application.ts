import type { DynamicModule, INestApplication, ModuleMetadata, NestApplicationOptions } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { ExpressAdapter } from '@nestjs/platform-express'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { onTestFinished } from 'vitest'

/** The two servers that Nest runs on. */
export const adapters = ['Express', 'Fastify'] as const
export type AdapterName = (typeof adapters)[number]

export type AppModule = Parameters<typeof NestFactory.create>[0]

/** An application that listens, until the test ends. */
export interface RunningApplication {
  readonly app: INestApplication
  /** Sends a request, by a connection of its own. */
  request(path: string, init?: RequestInit): Promise<Response>
}

/** @param configure what `main.ts` would do before it listens */
export async function startApplication(
  module: AppModule,
  adapter: AdapterName,
  configure: (app: INestApplication) => void | Promise<void> = () => {},
  options: NestApplicationOptions = {},
): Promise<RunningApplication> {
  const app = await NestFactory.create(
    module,
    adapter === 'Express' ? new ExpressAdapter() : new FastifyAdapter(),
    { logger: false, abortOnError: false, forceCloseConnections: true, ...options },
  )
  onTestFinished(() => app.close())
  await configure(app)
  await app.listen(0, '127.0.0.1')
  const url = await app.getUrl()
  return { app, request: (path, init) => fetch(`${url}${path}`, init) }
}

/** A root module, from its metadata. */
export function rootModule(metadata: ModuleMetadata): DynamicModule {
  class RootModule {
    readonly name = 'root'
  }
  return { module: RootModule, ...metadata }
}

/** Status and body of a response. */
export async function answer(response: Promise<Response>): Promise<{ status: number; body: unknown }> {
  const { status, body } = await response.then(async (each) => ({
    status: each.status,
    body: await each.text(),
  }))
  try {
    return { status, body: JSON.parse(body) as unknown }
  } catch {
    return { status, body }
  }
}
