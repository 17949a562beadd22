import { projectConfig } from '../../vitest.shared.ts'

export default projectConfig('kafka', { servers: ['kafka'] })
