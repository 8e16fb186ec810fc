import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describePage } from '../describe-page.ts'
import { generatedFolder } from '../page-files.ts'

// Vitest asks the nearest tsconfig.json whether a module may have decorators; that of the root is not for generated ones.
mkdirSync(generatedFolder('run'), { recursive: true })
writeFileSync(
  join(generatedFolder('run'), 'tsconfig.json'),
  JSON.stringify({ compilerOptions: { experimentalDecorators: true }, include: ['**/*.ts'] }),
)

describePage('docs/nestjs.md')
describePage('packages/nestjs/README.md')
