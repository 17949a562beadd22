import { projectConfig } from '../../vitest.shared.ts'

export default projectConfig('auth-service', { servers: ['mongodb', 'kafka'] })
