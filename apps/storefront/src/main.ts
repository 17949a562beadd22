import { runService } from '@halles/fastify-service/run-service'
import { parseConfig } from './config.ts'

await runService(
  'storefront',
  parseConfig,
  async (settings) => (await import('./app.ts')).createApp(settings),
  process.env,
)
