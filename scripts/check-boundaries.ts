// Fails when a package takes what it may not take: see boundaries.ts for the rules.
import { findViolations } from './boundaries.ts'

const violations = findViolations()
for (const { file, specifier, rule } of violations) console.error(`${file} takes '${specifier}': ${rule}.`)
process.exitCode = violations.length > 0 ? 1 : 0
