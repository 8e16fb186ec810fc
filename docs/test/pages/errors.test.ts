import { describePage } from '../describe-page.ts'

describePage('docs/errors.md')
