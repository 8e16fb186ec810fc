import { tsupConfig } from '../../tsup.base.ts'

export default tsupConfig({
  index: 'src/index.ts',
  pg: 'src/pg/index.ts',
  'postgres-js': 'src/postgres-js/index.ts',
})
