import { runService } from '@halles/service/run'
import { parseConfig } from './config.ts'

await runService(
  'notification-service',
  parseConfig,
  async (settings) => (await import('./app.ts')).createApp(settings),
  process.env,
)
