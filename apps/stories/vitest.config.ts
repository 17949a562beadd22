import { projectConfig } from '../../vitest.shared.ts'

// The first setup starts MongoDB and the mailbox; global-setup.ts then starts the shop on them, with a Kafka of its own.
const config = projectConfig('stories', {
  servers: ['mongodb', 'mailbox'],
  fileParallelism: false,
  expect: { poll: { timeout: 30_000 } },
})
config.test!.globalSetup = [config.test!.globalSetup!, './src/global-setup.ts'].flat()

export default config
