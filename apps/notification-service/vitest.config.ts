import { projectConfig } from '../../vitest.shared.ts'

export default projectConfig('notification-service', { servers: ['mongodb', 'kafka', 'mailbox'] })
