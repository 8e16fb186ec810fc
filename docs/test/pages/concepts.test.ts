import { describePage } from '../describe-page.ts'

describePage('docs/concepts.md')
