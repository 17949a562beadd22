import { projectConfig } from '../../vitest.shared.ts'

// Each live test starts a shop of its own with all its servers, so the files run one after another and after other projects.
export default projectConfig('chaos', {
  servers: [],
  fileParallelism: false,
  sequence: { groupOrder: 1 },
  testTimeout: 900_000,
  hookTimeout: 600_000,
  // A violation that shows once is a bug, even if it does not show again.
  retry: 0,
})
