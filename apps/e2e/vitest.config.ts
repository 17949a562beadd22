import { projectConfig } from '../../vitest.shared.ts'

// setup.ts starts the shop on the servers that the first setup started, and a Kafka of its own.
const config = projectConfig('e2e', { servers: ['mongodb', 'mailbox'] })
config.test!.globalSetup = [config.test!.globalSetup!, './src/setup.ts'].flat()

export default config
