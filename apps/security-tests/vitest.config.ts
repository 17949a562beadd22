import { projectConfig } from '../../vitest.shared.ts'

// It has a shop to itself, servers and all, whose logs are read afterwards. It comes last, when the tortures are over.
export default projectConfig('doors', {
  servers: [],
  fileParallelism: false,
  sequence: { groupOrder: 2 },
  testTimeout: 900_000,
  hookTimeout: 600_000,
})
