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
  const { messages } = smallShop()
  await publisher.send(ORDER_EVENTS, messages)
  await publisher.close()

  const where = { mongodb: servers.mongodb!, kafka }
  const { events, poison } = await readBooks({ ...where, access })
  expect(events.length + poison.length).toBe(messages.length)
  await expect(readBooks(where)).rejects.toThrow(/Kafka at .* cannot be read/)

  // No database here has their orders, but what is younger than a minute is not judged.
  const said = await reconcile(['--mongodb', where.mongodb, '--kafka', kafka], {
    KAFKA_SASL_MECHANISM: 'scram-sha-512',
    KAFKA_SASL_USERNAME: username,
    KAFKA_SASL_PASSWORD: password,
    KAFKA_TLS: 'true',
    KAFKA_TLS_CA: ca,
  })
  expect(said.output).toContain(`${events.length} events`)
  expect(said.code).toBe(0)
  const half = await reconcile(['--mongodb', where.mongodb, '--kafka', kafka], { KAFKA_SASL_USERNAME: username })
  expect(half.output).toContain('KAFKA_SASL_PASSWORD is missing')
  expect(half.code).toBe(2)
})

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
