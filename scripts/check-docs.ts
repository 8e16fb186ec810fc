// Fails when an error code is not explained, a link leads nowhere, or a page names a path of somebody's machine.
import { ERROR_CODES } from '../packages/core/src/errors.ts'
import { POLICY_ERROR_CODES } from '../packages/policies/src/errors.ts'
import { findDocumentationProblems } from './documentation.ts'

// A code that two packages share has one heading.
const problems = findDocumentationProblems([...new Set([...ERROR_CODES, ...POLICY_ERROR_CODES])])
for (const problem of problems) console.error(problem)
process.exitCode = problems.length > 0 ? 1 : 0
