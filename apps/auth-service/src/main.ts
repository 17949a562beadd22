import { runService } from '@halles/fastify-service/run-service'
import { parseConfig } from './config.ts'

const [command, ...args] = process.argv.slice(2)
if (command === 'keys') {
  const { runKeysCommand } = await import('./signing-keys/keys-command.ts')
  try {
    console.log(await runKeysCommand(args, process.env))
  } catch (error) {
    console.error((error as Error).message)
    process.exitCode = 1
  }
} else
  await runService(
    'auth-service',
    parseConfig,
    async (settings) => (await import('./app.ts')).createApp(settings),
    process.env,
  )
