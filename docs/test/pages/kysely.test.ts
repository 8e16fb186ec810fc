import { describePage } from '../describe-page.ts'

describePage('docs/kysely.md')
describePage('packages/kysely/README.md')
