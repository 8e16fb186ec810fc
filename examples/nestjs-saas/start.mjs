// Runs the example on a database made on the spot: see src/demo.ts.
//
// Node runs TypeScript by leaving out its types, and decorators are more than types. With the hook below it runs the sources of
// this example, and of Tenantry, as `tsc` compiles them. It is for trying and for development: production has `npm run build`.
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const configFile = fileURLToPath(new URL('tsconfig.build.json', import.meta.url))
const parsed = ts.getParsedCommandLineOfConfigFile(
  configFile,
  {},
  { ...ts.sys, onUnRecoverableConfigFileDiagnostic() {} },
)
if (parsed === undefined) throw new Error(`${configFile} could not be read.`)

const compilerOptions = {
  ...parsed.options,
  inlineSourceMap: true,
  sourceMap: false,
  // One file at a time, without a look at package.json; and there is no `dist` whose files are named `.js`.
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  rewriteRelativeImportExtensions: false,
}

registerHooks({
  load(url, context, nextLoad) {
    if (!url.startsWith('file:') || !url.endsWith('.ts')) return nextLoad(url, context)
    const fileName = fileURLToPath(url)
    const { outputText } = ts.transpileModule(readFileSync(fileName, 'utf8'), { compilerOptions, fileName })
    return { format: 'module', source: outputText, shortCircuit: true }
  },
})

await import('./src/demo.ts')
