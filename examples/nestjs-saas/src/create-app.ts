import { ValidationPipe, type NestApplicationOptions } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { NestExpressApplication } from '@nestjs/platform-express'
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger'
import type { TenantDataSource } from '@tenantry/typeorm'
import { DataSource } from 'typeorm'
import { AppModule } from './app.module.ts'
import type { Configuration } from './configuration.ts'

/**
 * The application, ready to listen.
 *
 * @throws UnsafeDatabaseError if the database would not keep tenants apart: no request is served then
 */
export async function createApp(
  configuration: Configuration,
  { logger = ['error', 'warn'] }: Pick<NestApplicationOptions, 'logger'> = {},
): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.forRoot(configuration), {
    abortOnError: false,
    logger,
    // While those that came before are finished. forceCloseConnections would cut those off, transactions and all.
    return503OnClosing: true,
  })
  try {
    app.disable('x-powered-by')
    app.useGlobalPipes(
      new ValidationPipe({
        // What no class names, such as another tenant's id, is refused.
        whitelist: true,
        forbidNonWhitelisted: true,
        transform: true,
        transformOptions: { exposeUnsetFields: false },
      }),
    )
    SwaggerModule.setup('docs', app, () => createDocument(app))
    await app.get<DataSource, TenantDataSource>(DataSource).verify()
    return app
  } catch (error) {
    await app.close()
    throw error
  }
}

function createDocument(app: NestExpressApplication): OpenAPIObject {
  const options = new DocumentBuilder()
    .setTitle('Projects and tasks of many companies')
    .setDescription('Sign in at the subdomain of a company; its token goes with every other request.')
    .addBearerAuth()
    .build()
  return SwaggerModule.createDocument(app, options)
}
