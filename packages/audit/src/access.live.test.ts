import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { ORDER_EVENTS, ORDER_EVENTS_DLQ } from '@halles/contracts/order-events'
import { startServers, type Servers } from '@halles/servers'
import type { Access } from '@halles/service/config'
import { kafkaAt } from '@halles/service/kafka'
import { logger } from '@halles/service/log'
import { someGuard } from '@halles/testkit/guard'
import { eventually } from '@halles/testkit/wait'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { smallShop } from '../test/small-shop.ts'
import { readBooks } from './read-books.ts'

let guard: Awaited<ReturnType<typeof someGuard>>
let servers: Servers
beforeAll(async () => {
  guard = await someGuard()
  servers = await startServers({ need: ['mongodb', 'kafka'], guard })
})
afterAll(() => servers?.stop())

it('books are read where MongoDB and Kafka ask who comes, by the variables of the services too', async () => {
  const kafka = servers.kafkaGuarded!.both
  const { username, password, ca } = guard
  const access: Access = { sasl: { mechanism: 'scram-sha-512', username, password }, tls: { ca } }
  const broker = kafkaAt(kafka, 'audit-test', logger('test', 'silent'), access)
  await broker.ensureTopic(ORDER_EVENTS, 1)
  await broker.ensureTopic(ORDER_EVENTS_DLQ, 1)
  const publisher = broker.publisher()
  // Until it has its first group, a broker on a busy machine takes as long as a reader waits.
  await broker.ensureTopic('read-first', 1)
  await publisher.send('read-first', [{ key: null, value: 'bonjour' }])
  const canBeRead = () =>
    broker.readTopic({ topic: 'read-first', onBatch: () => {} }).then(
      () => true,
      () => false,
    )
  await eventually('it can be read', canBeRead, 180_000)
  const { messages } = smallShop()
  await publisher.send(ORDER_EVENTS, messages)
  await publisher.close()

  const where = { mongodb: servers.mongodb!, kafka }
  // No database here has their orders, which ends with 1 where they are older than a minute by now; 2 is: not read.
  const said = await reconcile(['--mongodb', where.mongodb, '--kafka', kafka], {
    KAFKA_SASL_MECHANISM: 'scram-sha-512',
    KAFKA_SASL_USERNAME: username,
    KAFKA_SASL_PASSWORD: password,
    KAFKA_TLS: 'true',
    KAFKA_TLS_CA: ca,
  })
  expect([0, 1], said.output).toContain(said.code)
  const { events, poison } = await readBooks({ ...where, access })
  expect(events.length + poison.length).toBe(messages.length)
  expect(said.output).toContain(`${events.length} events`)
  await expect(readBooks(where)).rejects.toThrow(/Kafka at .* cannot be read/)
  const half = await reconcile(['--mongodb', where.mongodb, '--kafka', kafka], { KAFKA_SASL_USERNAME: username })
  expect(half.output).toContain('KAFKA_SASL_PASSWORD is missing')
  expect(half.code).toBe(2)
}, 300_000)

async function reconcile(words: string[], env: Record<string, string>): Promise<{ output: string; code: unknown }> {
  const tool = fileURLToPath(new URL('../../../tools/reconcile.ts', import.meta.url))
  const child = spawn(process.execPath, ['--conditions=development', tool, ...words], {
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = once(child, 'exit')
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
  return { output: out + err, code: (await ended)[0] }
}
