import { globSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const allPackages = fileURLToPath(new URL('../../packages/', import.meta.url))

/**
 * Makes sure that what is measured is what users get: the built packages, and built from the present sources.
 *
 * @throws Error - When a package is not built, or has changed since.
 */
export function requireBuild(packages = allPackages): void {
  for (const name of ['core', 'drizzle', 'nestjs', 'policies', 'testing', 'typeorm']) {
    const built = newest(`${packages}${name}/dist/**/*.js`)
    const source = newest(`${packages}${name}/src/**/*.ts`)
    if (built >= source) continue
    const state = built === 0 ? 'is not built' : 'has changed since it was built'
    throw new Error(
      `@tenantry/${name} ${state}: run \`pnpm bench\`, or \`pnpm --filter @tenantry/${name} build\`.`,
    )
  }
}

function newest(pattern: string): number {
  return Math.max(0, ...globSync(pattern).map((file) => statSync(file).mtimeMs))
}
