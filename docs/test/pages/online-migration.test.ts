import { describePage } from '../describe-page.ts'

describePage('docs/online-migration.md')
