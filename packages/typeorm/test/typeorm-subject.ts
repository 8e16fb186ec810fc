import type {
  ConformanceHarness,
  ConformanceSubject,
  HeldClient,
  ProjectOperations,
  Row,
  SubjectTransaction,
  TransactionOptions,
} from '@tenantry/testing'
import QueryStream from 'pg-query-stream'
import { Column, Entity, PrimaryGeneratedColumn, type EntityManager } from 'typeorm'
import { TenantColumn, TenantDataSource } from '../src/index.ts'

/** The table `projects` of `tenancySchema()`. */
@Entity('projects')
class Project {
  @TenantColumn({ primary: true })
  tenantId!: string

  @PrimaryGeneratedColumn('uuid')
  id!: string

  @Column('text')
  name!: string
}

/** The harness of TypeORM: a TenantDataSource, and nothing of Tenantry beside it. */
export const typeormHarness: ConformanceHarness = {
  name: 'TypeORM',
  async open({ tenancy, connectionString, systemConnectionString, max }) {
    const dataSource = new TenantDataSource({
      type: 'postgres',
      url: connectionString,
      poolSize: max,
      entities: [Project],
      tenancy,
      ...(systemConnectionString !== undefined && { system: { url: systemConnectionString } }),
    })
    await dataSource.initialize()
    return subjectOf(dataSource)
  },
}

function subjectOf(dataSource: TenantDataSource): ConformanceSubject {
  return {
    query: querying(dataSource),
    transaction: (work, options) => transaction(dataSource.manager, work, options ?? {}),
    stream: (text, values, batchSize) => streamRows(dataSource, text, values, batchSize),
    checkout: () => holdConnection(dataSource),
    operations: projectOperations(dataSource),
    counts() {
      const { pool } = dataSource
      return { total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }
    },
    close: () => dataSource.destroy(),
  }
}

interface Querying {
  query(text: string, values?: unknown[]): Promise<unknown>
}

/** TypeORM answers an UPDATE or DELETE with a pair, of the rows and their number. */
function querying(target: Querying): ConformanceSubject['query'] {
  return async (text, values) => {
    const answer = await target.query(text, values && [...values])
    if (!Array.isArray(answer)) return []
    return (Array.isArray(answer[0]) ? answer[0] : answer) as Row[]
  }
}

async function* streamRows(
  dataSource: TenantDataSource,
  text: string,
  values: readonly unknown[],
  batchSize: number,
): AsyncGenerator<Row> {
  const queryRunner = dataSource.createQueryRunner()
  // TypeORM has no option for it. It asks for the class at once.
  const driver = dataSource.driver as unknown as { loadStreamDependency: () => typeof QueryStream }
  driver.loadStreamDependency = () => streamsOf(batchSize)
  try {
    yield* (await queryRunner.stream(text, [...values])) as AsyncIterable<Row>
  } finally {
    await queryRunner.release()
  }
}

function streamsOf(batchSize: number): typeof QueryStream {
  return class extends QueryStream {
    constructor(text: string, values?: unknown[]) {
      super(text, values, { batchSize })
    }
  }
}

async function holdConnection(dataSource: TenantDataSource): Promise<HeldClient> {
  const queryRunner = dataSource.createQueryRunner()
  await queryRunner.connect()
  return { query: querying(queryRunner), release: () => queryRunner.release() }
}

function projectOperations(dataSource: TenantDataSource): ProjectOperations {
  const projects = dataSource.getRepository(Project)
  return {
    list: () => projects.find({ order: { id: 'ASC' } }),
    find: async (id) => (await projects.findOneBy({ id })) ?? undefined,
    // The guard is a listener. It refuses sooner what here the database has to refuse.
    insert: (name) => projects.save({ name }, { listeners: false }),
    async updateAll(name) {
      await projects.createQueryBuilder().update().set({ name }).execute()
    },
    async deleteAll() {
      await projects.createQueryBuilder().delete().execute()
    },
  }
}

const ISOLATION = {
  'read committed': 'READ COMMITTED',
  'repeatable read': 'REPEATABLE READ',
  serializable: 'SERIALIZABLE',
} as const

/** Of the manager of a transaction it is a savepoint. */
function transaction<Result>(
  manager: EntityManager,
  work: (transaction: SubjectTransaction) => Promise<Result>,
  { isolation, readOnly }: TransactionOptions,
): Promise<Result> {
  const run = async (inner: EntityManager): Promise<Result> => {
    if (readOnly === true) await inner.query('SET TRANSACTION READ ONLY')
    return work({
      query: querying(inner),
      transaction: (innerWork) => transaction(inner, innerWork, {}),
    })
  }
  return isolation === undefined ? manager.transaction(run) : manager.transaction(ISOLATION[isolation], run)
}
