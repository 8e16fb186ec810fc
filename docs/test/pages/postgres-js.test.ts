import { describePage } from '../describe-page.ts'

describePage('docs/postgres-js.md')
