import { projectConfig } from '../../vitest.shared.ts'

export default projectConfig('audit', { servers: ['mongodb', 'kafka'] })
