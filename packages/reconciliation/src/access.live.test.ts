import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { ORDER_EVENTS, ORDER_EVENTS_DLQ } from '@halles/contracts/order-events'
import { startServers, type Servers } from '@halles/test-servers'
import type { KafkaCredentials } from '@halles/config/config'
import { createKafka } from '@halles/kafka/kafka'
import { createLogger } from '@halles/telemetry/log'
import { createTestCredentials } from '@halles/test-fixtures/secured-servers'
import { eventually } from '@halles/test-fixtures/wait'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createSampleShop } from '../test/sample-shop.ts'
import { readSnapshot } from './read-snapshot.ts'

let credentials: Awaited<ReturnType<typeof createTestCredentials>>
let servers: Servers
beforeAll(async () => {
  credentials = await createTestCredentials()
  servers = await startServers({ need: ['mongodb', 'kafka'], credentials })
})
afterAll(() => servers?.stop())

it('readSnapshot and npm run reconcile read from MongoDB and Kafka with authentication', async () => {
  const kafka = servers.kafkaAuthenticated!.both
  const { username, password, ca } = credentials
  const access: KafkaCredentials = { sasl: { mechanism: 'scram-sha-512', username, password }, tls: { ca } }
  const broker = createKafka(kafka, 'reconciliation-test', createLogger('test', 'silent'), access)
  await broker.ensureTopic(ORDER_EVENTS, 1)
  await broker.ensureTopic(ORDER_EVENTS_DLQ, 1)
  const publisher = broker.publisher()
  // On a busy machine the first consumer group of a new broker may take longer than the timeout of a read.
  await broker.ensureTopic('read-first', 1)
  await publisher.send('read-first', [{ key: null, value: 'bonjour' }])
  const canBeRead = () =>
    broker.readTopic({ topic: 'read-first', onBatch: () => {} }).then(
      () => true,
      () => false,
    )
  await eventually('the topic can be read', canBeRead, 180_000)
  const { messages } = createSampleShop()
  await publisher.send(ORDER_EVENTS, messages)
  await publisher.close()

  const addresses = { mongodb: servers.mongodb!, kafka }
  // The orders of the events are in no database: a difference (exit code 1) if they are older than a minute by now. The
  // exit code 2 would mean that nothing could be read.
  const result = await reconcile(['--mongodb', addresses.mongodb, '--kafka', kafka], {
    KAFKA_SASL_MECHANISM: 'scram-sha-512',
    KAFKA_SASL_USERNAME: username,
    KAFKA_SASL_PASSWORD: password,
    KAFKA_TLS: 'true',
    KAFKA_TLS_CA: ca,
  })
  expect([0, 1], result.output).toContain(result.code)
  const { events, unparsable } = await readSnapshot({ ...addresses, access })
  expect(events.length + unparsable.length).toBe(messages.length)
  expect(result.output).toContain(`${events.length} events`)
  await expect(readSnapshot(addresses)).rejects.toThrow(/Kafka at .* cannot be read/)
  const incomplete = await reconcile(['--mongodb', addresses.mongodb, '--kafka', kafka], {
    KAFKA_SASL_USERNAME: username,
  })
  expect(incomplete.output).toContain('KAFKA_SASL_PASSWORD is missing')
  expect(incomplete.code).toBe(2)
}, 300_000)

async function reconcile(args: string[], env: Record<string, string>): Promise<{ output: string; code: unknown }> {
  const tool = fileURLToPath(new URL('../../../tools/reconcile.ts', import.meta.url))
  const child = spawn(process.execPath, ['--conditions=development', tool, ...args], {
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = once(child, 'exit')
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
  return { output: out + err, code: (await ended)[0] }
}
