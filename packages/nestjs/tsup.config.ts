import { tsupConfig } from '../../tsup.base.ts'

export default tsupConfig({
  index: 'src/index.ts',
  cache: 'src/cache/index.ts',
  graphql: 'src/graphql/index.ts',
  microservices: 'src/microservices/index.ts',
  websockets: 'src/websockets/index.ts',
})
