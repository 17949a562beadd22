import { projectConfig } from '../../vitest.shared.ts'

export default projectConfig('order-service', { servers: ['mongodb', 'kafka'] })
