import { projectConfig } from '../../vitest.shared.ts'

export default projectConfig('service', { servers: ['mongodb', 'kafka'] })
