import { requireBuild } from './require-build.ts'

// Before anything that imports the packages, so that the message is ours and not "Cannot find module".
requireBuild()
if (process.execArgv.some((argument) => argument.includes('@tenantry/source')))
  throw new Error('Benchmarks measure the built packages: run without --conditions=@tenantry/source.')
await import('./command.ts')
