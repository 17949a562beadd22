import { projectConfig } from '../../vitest.shared.ts'

export default projectConfig('crash-points', { servers: [] })
