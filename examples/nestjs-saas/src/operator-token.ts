import { Tokens } from './access/tokens.ts'
import { readConfiguration } from './configuration.ts'

// Who may run this has the secret, and is an operator. Where your company has an identity provider, its tokens do the same.
const [name] = process.argv.slice(2)
if (name === undefined)
  throw new Error('For whom? operator-token <name>, which is what the audit log will say.')
console.log(await new Tokens(readConfiguration()).issueForOperator(name))
