import { DataSource } from 'typeorm'
import { options } from './entities.ts'

export default new DataSource({ ...options, url: process.env['OWNER_DATABASE_URL'] ?? '' })
