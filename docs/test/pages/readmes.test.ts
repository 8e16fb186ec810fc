import { describePage } from '../describe-page.ts'

describePage('README.md')
describePage('packages/core/README.md')
describePage('packages/policies/README.md')
describePage('packages/testing/README.md')
