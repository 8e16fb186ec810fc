import { describePage } from '../describe-page.ts'

describePage('docs/testing.md')
