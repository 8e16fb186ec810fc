import { npmVersion } from 'drizzle-orm/version'

/** Whether the tests run on Drizzle 1.0, and not on 0.45. */
export const isDrizzle1 = Number.parseInt(npmVersion) >= 1
