import { run } from '@halles/service/run'
import { createApp } from '../src/app.ts'
import { configFrom } from '../src/config.ts'
import type { Subscription } from '../src/events.ts'
import { accountsBeside, deletionsBeside } from './running.ts'

// Notification-service as src/main.ts starts it, but on topics of its test's own: SUBSCRIPTION names them.
const { SUBSCRIPTION, ...env } = process.env
const subscription = JSON.parse(SUBSCRIPTION!) as Subscription
await run(
  'notification-service',
  configFrom,
  (settings) =>
    createApp(settings, {
      subscription,
      aboutAccounts: accountsBeside(subscription),
      deletions: deletionsBeside(subscription),
    }),
  env,
)
