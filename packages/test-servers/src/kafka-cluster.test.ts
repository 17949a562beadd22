import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { startServers, type Servers } from './index.ts'

let servers: Servers | undefined
afterEach(async () => {
  await servers?.stop()
  servers = undefined
})

const TOPIC = 'news'
/** How long an effect of an election may take on a busy machine, in milliseconds. */
const TIMEOUT = 60_000

async function connect(brokers: string) {
  const retry = { initialRetryTime: 100, maxRetryTime: 500, retries: 100 }
  const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING, connectionTimeout: 1000, retry })
  const admin = kafka.admin()
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await Promise.all([admin.connect(), producer.connect()])
  onTestFinished(async () => void (await Promise.all([admin.disconnect(), producer.disconnect()])))
  return {
    admin,
    send: async (value: string) => void (await producer.send({ topic: TOPIC, acks: -1, messages: [{ value }] })),
    count: async () => Number((await admin.fetchTopicOffsets(TOPIC))[0]!.high),
  }
}

describe('kafkaBrokers', () => {
  it(
    'starts brokers that lose no acknowledged message when the leader moves, is killed, or is frozen',
    { timeout: 300_000 },
    async () => {
      servers = await startServers({ need: ['kafka'], kafkaBrokers: 3 })
      const { kafka, kafkaCluster: cluster } = servers
      expect(kafka).toBe(cluster!.brokers.map(({ address }) => address).join(','))
      expect(servers.ways).toEqual({ kafka: 'process' })
      const { admin, send, count } = await connect(kafka!)
      await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 1 }] }) // replicas by the default of the brokers
      await vi.waitFor(async () => expect(await cluster!.inSyncReplicas(TOPIC, 0)).toHaveLength(3), TIMEOUT)
      await send('one')

      const first = await cluster!.leader(TOPIC, 0)
      const second = await cluster!.moveLeader(TOPIC, 0)
      expect(second).not.toBe(first)
      await send('two')

      expect(await cluster!.killLeader(TOPIC, 0)).toBe(second)
      expect(second.pid()).toBeUndefined()
      const third = await cluster!.leader(TOPIC, 0)
      expect(third).not.toBe(second)
      await send('three')
      expect(await cluster!.inSyncReplicas(TOPIC, 0)).not.toContain(second)
      await second.restart()
      await vi.waitFor(async () => expect(await cluster!.inSyncReplicas(TOPIC, 0)).toHaveLength(3), TIMEOUT)

      await third.kill('SIGSTOP')
      expect(await cluster!.leader(TOPIC, 0, third)).not.toBe(third)
      await third.kill('SIGCONT')
      await send('four')
      await vi.waitFor(async () => expect(await cluster!.inSyncReplicas(TOPIC, 0)).toHaveLength(3), TIMEOUT)
      expect(await count()).toBe(4)
    },
  )

  it('starts brokers that keep their messages when they start again on the same dataDir', async () => {
    const dataDir = await mkdtemp(path.join(tmpdir(), 'halles-cluster-test-'))
    onTestFinished(() => rm(dataDir, { recursive: true }))
    servers = await startServers({ need: ['kafka'], kafkaBrokers: 3, dataDir })
    const { kafka } = servers
    const { admin, send, count } = await connect(kafka!)
    await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 1 }] })
    await send('one')
    await servers.stop()
    servers = await startServers({ need: ['kafka'], kafkaBrokers: 3, dataDir })
    expect(servers.kafka).toBe(kafka)
    await vi.waitFor(async () => expect(await count()).toBe(1), TIMEOUT)
  })

  it('must match the number of addresses of an extra listener', async () => {
    const failure = startServers({ need: ['kafka'], kafkaBrokers: 3, kafkaListeners: ['127.0.0.1:20001'] })
    await expect(failure).rejects.toThrow('Each of kafkaListeners needs 3 addresses')
  })
})
