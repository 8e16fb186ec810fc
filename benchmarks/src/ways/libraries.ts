import { drizzle } from './drizzle.ts'
import { kysely } from './kysely.ts'
import type { Library } from './library.ts'
import { postgresJs } from './postgres-js.ts'
import { typeorm } from './typeorm.ts'

/** Every library that is compared with itself. */
export const libraries: readonly Library[] = [kysely, drizzle, typeorm, postgresJs]
