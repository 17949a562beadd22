import { projectConfig } from '../../vitest.shared.ts'

export default projectConfig('reconciliation', { servers: ['mongodb', 'kafka'] })
