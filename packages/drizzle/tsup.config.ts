import { tsupConfig } from '../../tsup.base.ts'

export default tsupConfig({
  index: 'src/index.ts',
  'node-postgres': 'src/node-postgres.ts',
  'postgres-js': 'src/postgres-js.ts',
})
