import { runService } from '@halles/fastify-service/run-service'
import { createApp } from '../src/app.ts'
import { parseConfig } from '../src/config.ts'
import type { Consumers } from '../src/consumers.ts'

// Starts notification-service as src/main.ts does, but on the topics that the variable CONSUMERS names (JSON).
const { CONSUMERS, ...env } = process.env
const consumers = JSON.parse(CONSUMERS!) as Consumers
await runService('notification-service', parseConfig, (settings) => createApp(settings, { consumers }), env)
