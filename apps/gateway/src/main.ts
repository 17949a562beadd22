import { run } from '@halles/service/run'
import { configFrom } from './config.ts'

await run('gateway', configFrom, async (settings) => (await import('./app.ts')).createApp(settings), process.env)
