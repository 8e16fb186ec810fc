import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describePage } from '../describe-page.ts'
import { generatedFolder } from '../page-files.ts'

// For the decorators: settings hold for the files they include, and those of the root do not include generated ones.
const folder = generatedFolder('run')
mkdirSync(folder, { recursive: true })
writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: '../../../tsconfig.base.json' }))

describePage('docs/typeorm.md')
describePage('packages/typeorm/README.md')
