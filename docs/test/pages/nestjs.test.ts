import { describePage } from '../describe-page.ts'

describePage('docs/nestjs.md')
describePage('docs/nestjs-beyond-http.md')
describePage('packages/nestjs/README.md')
