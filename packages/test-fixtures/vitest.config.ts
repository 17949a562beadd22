import { projectConfig } from '../../vitest.shared.ts'

export default projectConfig('test-fixtures', { servers: [] })
