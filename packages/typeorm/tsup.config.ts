import { tsupConfig } from '../../tsup.base.ts'

export default tsupConfig({ index: 'src/index.ts' })
