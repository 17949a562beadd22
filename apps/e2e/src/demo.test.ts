import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { ORDER_EVENTS } from '@halles/contracts/order-events'
import { createKafka } from '@halles/kafka/kafka'
import { createLogger } from '@halles/telemetry/log'
import { expect, inject, it, onTestFinished } from 'vitest'

const kafka = createKafka(inject('kafka'), 'e2e', createLogger('e2e', 'silent'))

it(
  'npm run demo finds its own order on a topic whose partitions have messages that are no events',
  { timeout: 180_000 },
  async () => {
    const publisher = kafka.publisher()
    onTestFinished(publisher.close)
    /** Publishes to each partition, with high probability. */
    const publishPoison = () =>
      publisher.send(
        ORDER_EVENTS,
        Array.from({ length: 12 }, () => ({ key: randomUUID(), value: 'no event' })),
      )
    await publishPoison()
    const { gateway, admin } = inject('shop')
    const args = [
      'tools/run.mjs',
      'tools/demo.ts',
      '--gateway',
      gateway,
      '--kafka',
      inject('kafka'),
      '--mailbox',
      inject('mailbox'),
    ]
    const child = spawn(process.execPath, args, {
      cwd: path.resolve(import.meta.dirname, '../../..'),
      env: { ...process.env, HALLES_ADMIN_EMAIL: admin.email, HALLES_ADMIN_PASSWORD: admin.password },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    const ended = once(child, 'exit')
    child.stdout.once('data', () => void publishPoison()) // the demo has begun to consume
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
    expect(await ended, out + err).toEqual([0, null])
    expect(out).toContain('All steps are complete')
    expect(out).toMatch(/The message \d+\.\d+ of order-events is skipped: it is no order event/)
  },
)
