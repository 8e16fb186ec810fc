import { describePage } from '../describe-page.ts'

describePage('docs/policies.md')
