import { describePage } from '../describe-page.ts'

describePage('docs/drizzle.md')
describePage('packages/drizzle/README.md')
