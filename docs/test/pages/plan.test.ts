import { describePage } from '../describe-page.ts'

describePage('docs/plan.md')
