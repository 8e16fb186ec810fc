import type { Catalogue } from '../catalogue/catalogue.ts'
import { TenantryError } from '../errors.ts'
import type { Problem } from '../problem.ts'

/** The most problems that the message itself lists. */
const LONGEST_LIST = 50

/** The error for everything about a model that the database does not bear out, each thing once. */
export function doesNotFit({ database }: Catalogue, found: readonly Problem[]): TenantryError {
  const problems = [...new Map(found.map((problem) => [JSON.stringify(problem), problem])).values()]
  const lines = problems
    .slice(0, LONGEST_LIST)
    .map(({ code, message, fix }) => `- ${code}: ${message}\n  ${fix}`)
  const rest = problems.length - lines.length
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`
  return new TenantryError({
    code: 'TENANCY_DOES_NOT_FIT',
    message:
      `The tenancy does not fit the database "${database.name}", for ${count}:\n${lines.join('\n')}` +
      (rest > 0 ? `\n… and ${rest} more, which the error has as problems.` : ''),
    problems,
  })
}
