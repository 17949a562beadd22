import { projectConfig } from '../../vitest.shared.ts'

// It has a shop to itself, servers and all, whose logs are read afterwards. It comes last, as tortures do.
export default projectConfig('doors', {
  servers: [],
  fileParallelism: false,
  sequence: { groupOrder: 1 },
  testTimeout: 300_000,
  hookTimeout: 240_000,
})
