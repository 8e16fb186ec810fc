import { describePage } from '../describe-page.ts'

describePage('docs/tenant-life.md')
