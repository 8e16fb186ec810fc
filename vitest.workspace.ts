import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'

type TestOptions = NonNullable<TestProjectInlineConfiguration['test']>

const sources = { conditions: ['@tenantry/source'] }

/** The tests of one folder. */
function project(name: string, root: string, options: TestOptions = {}): TestProjectInlineConfiguration {
  return { extends: true, test: { name, root, include: ['test/**/*.test.ts'], ...options } }
}

/** The tests of one folder, which run on the PostgreSQL that the run starts for them. */
function postgresProject(
  name: string,
  root: string,
  options: TestOptions = {},
): TestProjectInlineConfiguration {
  return project(name, root, { globalSetup: absolute('tests/global-setup.ts'), ...options })
}

/** The tests of `@tenantry/core/pg`, with one release of node-postgres for them, the sources and @tenantry/testing. */
function nodePostgresProject(version: string, installedAs: string): TestProjectInlineConfiguration {
  const installed = absolute(`packages/core/node_modules/${installedAs}`)
  return {
    ...postgresProject(`pg ${version}`, 'packages/core', { include: ['test/pg/**/*.test.ts'] }),
    resolve: { alias: [{ find: /^pg(?=\/|$)/, replacement: installed }] },
  }
}

/** The tests of `@tenantry/kysely`, with one release of Kysely for them and the sources. */
function kyselyProject(version: string, installedAs: string): TestProjectInlineConfiguration {
  const installed = absolute(`packages/kysely/node_modules/${installedAs}`)
  return {
    ...postgresProject(`kysely ${version}`, 'packages/kysely', {
      // kysely-postgres-js 5 is for Kysely 0.29.
      exclude: version === '0.28' ? ['test/postgres-js.test.ts'] : [],
    }),
    resolve: { alias: [{ find: /^kysely(?=\/|$)/, replacement: installed }] },
  }
}

/** The tests of `@tenantry/drizzle`, with one release of Drizzle for them and the sources. */
function drizzleProject(version: string, installedAs: string): TestProjectInlineConfiguration {
  const installed = absolute(`packages/drizzle/node_modules/${installedAs}`)
  return {
    ...postgresProject(`drizzle ${version}`, 'packages/drizzle'),
    resolve: { alias: [{ find: /^drizzle-orm(?=\/|$)/, replacement: installed }] },
  }
}

/** The tests of `@tenantry/typeorm`, with one release of TypeORM for them and the sources. */
function typeormProject(version: string, installedAs: string): TestProjectInlineConfiguration {
  const installed = absolute(`packages/typeorm/node_modules/${installedAs}`)
  return {
    ...postgresProject(`typeorm ${version}`, 'packages/typeorm'),
    resolve: { alias: [{ find: /^typeorm(?=\/|$)/, replacement: installed }] },
  }
}

/** The tests of `@tenantry/nestjs`, with Nest and what depends on it from the folder of one release line. */
function nestProject(
  version: string,
  folder: string,
  options: TestOptions = {},
): TestProjectInlineConfiguration {
  const installed = absolute(`${folder}/node_modules`)
  return {
    ...postgresProject(`nestjs ${version}`, 'packages/nestjs', options),
    resolve: {
      alias: [
        { find: /^(@nestjs|@nestjs-cls)\//, replacement: `${installed}/$1/` },
        { find: /^(nestjs-cls|cache-manager|typeorm)(?=\/|$)/, replacement: `${installed}/$1` },
      ],
    },
  }
}

function absolute(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url))
}

export default defineConfig({
  // The packages under test are their sources, so that no test needs a build. `__vitest__` is where global setups run.
  environments: { ssr: { resolve: sources }, __vitest__: { resolve: sources } },
  test: {
    // A process for each file: a test may signal or end its own without touching the others.
    pool: 'forks',
    // Tests wait for PostgreSQL more than they compute, so that two fit on two cores.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      project('core', 'packages/core', { exclude: ['test/pg/**', 'test/postgres-js/**'] }),
      nodePostgresProject('8.23', 'pg'),
      nodePostgresProject('8.16', 'pg-8.16'),
      nodePostgresProject('8.11', 'pg-8.11'),
      postgresProject('postgres-js', 'packages/core', { include: ['test/postgres-js/**/*.test.ts'] }),
      postgresProject('testing', 'packages/testing'),
      postgresProject('policies', 'packages/policies'),
      kyselyProject('0.29', 'kysely'),
      kyselyProject('0.28', 'kysely-0.28'),
      drizzleProject('0.45', 'drizzle-orm'),
      drizzleProject('1.0', 'drizzle-orm-1.0'),
      typeormProject('1.1', 'typeorm'),
      typeormProject('0.3', 'typeorm-0.3'),
      typeormProject('0.3.20', 'typeorm-0.3.20'),
      nestProject('12', 'packages/nestjs'),
      nestProject('11', 'packages/nestjs/releases/nest-11'),
      nestProject('10', 'packages/nestjs/releases/nest-10'),
      postgresProject('quickstart', 'examples/quickstart'),
      postgresProject('example kysely', 'examples/kysely'),
      postgresProject('example drizzle', 'examples/drizzle'),
      postgresProject('example nestjs-saas', 'examples/nestjs-saas'),
      postgresProject('benchmarks', 'benchmarks'),
      postgresProject('docs', 'docs'),
      project('scripts', 'scripts'),
      {
        extends: true,
        test: {
          name: 'types',
          include: [],
          // Tests of types, of all packages in one run of tsc.
          typecheck: {
            enabled: true,
            only: true,
            include: ['packages/*/test/**/*.test-d.ts'],
            // Those are for `tsc` itself, another step of the check.
            ignoreSourceErrors: true,
          },
        },
      },
    ],
  },
})
