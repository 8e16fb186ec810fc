import { describePage } from '../describe-page.ts'

describePage('docs/typeorm.md')
describePage('packages/typeorm/README.md')
