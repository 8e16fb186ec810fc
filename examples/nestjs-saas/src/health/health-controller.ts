import { Controller, Get, Inject, Logger, ServiceUnavailableException } from '@nestjs/common'
import { ApiOkResponse, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger'
import { WithoutTenant } from '@tenantry/nestjs'
import { DataSource } from 'typeorm'
import { AccessFor } from '../access/access-for.ts'

interface Health {
  readonly status: 'ok'
}

@ApiTags('health')
@AccessFor('visitors')
@WithoutTenant()
@Controller()
export class HealthController {
  readonly #dataSource: DataSource
  readonly #logger = new Logger('Health')

  constructor(@Inject(DataSource) dataSource: DataSource) {
    this.#dataSource = dataSource
  }

  /** The process is alive. It asks nobody: a database that is away is not cured by restarting this. */
  @Get('health')
  @ApiOkResponse()
  health(): Health {
    return { status: 'ok' }
  }

  /** Requests can be served. That row-level security holds was verified before the first: see create-app.ts. */
  @Get('ready')
  @ApiOkResponse()
  @ApiServiceUnavailableResponse()
  async ready(): Promise<Health> {
    try {
      await this.#dataSource.query('SELECT 1')
      return { status: 'ok' }
    } catch (error) {
      this.#logger.error('The database does not answer.', error)
      throw new ServiceUnavailableException()
    }
  }
}
