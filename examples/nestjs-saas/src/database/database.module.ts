import { Module } from '@nestjs/common'
import { TypeOrmModule } from '@nestjs/typeorm'
import { TenantDataSource, type TenantDataSourceOptions } from '@tenantry/typeorm'
import { CONFIGURATION, type Configuration } from '../configuration.ts'
import { tenancy } from '../tenancy.ts'
import { entities } from './entities.ts'

/** One data source for everything: whose rows a statement sees is decided by the scope it is sent in. */
@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      inject: [CONFIGURATION],
      useFactory: ({ database }: Configuration) => ({
        type: 'postgres' as const,
        url: database.url,
        poolSize: database.poolSize,
        entities,
        // A request that waits longer for a connection, or a statement that runs longer, is better refused.
        extra: { connectionTimeoutMillis: 10_000, statement_timeout: 10_000 },
        // A statement is planned with its policies once for each connection, and not each time.
        prepare: true,
        tenancy,
        system: { url: database.systemUrl, poolSize: 2 },
      }),
      dataSourceFactory: async (options) => new TenantDataSource(options as TenantDataSourceOptions),
    }),
  ],
})
export class DatabaseModule {}
