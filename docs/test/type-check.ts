import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** As strict as the packages themselves, but for `process.env.NAME`, which every reader writes like that. */
const settings = {
  extends: join(root, 'tsconfig.base.json'),
  compilerOptions: { noEmit: true, noPropertyAccessFromIndexSignature: false },
  include: ['**/*.ts', join(root, 'packages/*/src/**/*.d.ts')],
}

/** What tsc has to say about the TypeScript in a folder: nothing, or its errors a line each. */
export function typeErrorsIn(folder: string): Promise<string> {
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings))
  const tsc = join(root, 'node_modules/typescript-7/bin/tsc')
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [tsc, '--project', folder, '--pretty', 'false'], (error, output) => {
      if (error !== null && output === '') reject(error)
      else resolve(output)
    })
  })
}
