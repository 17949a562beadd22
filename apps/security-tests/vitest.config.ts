import { projectConfig } from '../../vitest.shared.ts'

// The live test starts a shop of its own with all its servers and reads its logs. It runs last, after the chaos project.
export default projectConfig('security-tests', {
  servers: [],
  fileParallelism: false,
  sequence: { groupOrder: 2 },
  testTimeout: 900_000,
  hookTimeout: 600_000,
})
