import { projectConfig } from '../../vitest.shared.ts'

// Each torture has a shop to itself, servers and all. They come last and one after another, for they take both cores.
export default projectConfig('torture', {
  servers: [],
  fileParallelism: false,
  sequence: { groupOrder: 1 },
  testTimeout: 900_000,
  hookTimeout: 600_000,
  // A promise that was broken once was broken.
  retry: 0,
})
