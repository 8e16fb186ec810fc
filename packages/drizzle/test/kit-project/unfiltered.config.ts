import config from './drizzle.config.ts'

const { schemaFilter: _schemaFilter, ...unfiltered } = config

export default unfiltered
