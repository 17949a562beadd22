import { createLogger } from '@halles/telemetry/log'
import { eventually } from '@halles/test-fixtures/wait'
import { startServers, type KafkaCluster, type Servers } from '@halles/test-servers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createKafka, type KafkaClient } from './kafka.ts'

const PARTITIONS = 6

let servers: Servers
let cluster: KafkaCluster
let kafka: KafkaClient
beforeAll(async () => {
  servers = await startServers({ need: ['kafka'], kafkaBrokers: 3 })
  cluster = servers.kafkaCluster!
  kafka = createKafka(servers.kafka!, 'kafka-test', createLogger('test', 'silent'))
})
afterAll(() => servers.stop())

const waitForReplicas = (topic: string): Promise<unknown> =>
  eventually('all replicas are in sync', async () => {
    const all = await Promise.all(Array.from({ length: PARTITIONS }, (_, i) => cluster.inSyncReplicas(topic, i)))
    return all.every(({ length }) => length === cluster.brokers.length)
  })

const readValues = async (topic: string): Promise<Set<string>> => {
  const values = new Set<string>()
  await kafka.readTopic({ topic, onBatch: (batch) => batch.forEach(({ value }) => values.add(value!)) })
  return values
}

it('a publisher has stored every message that it acknowledged, while the leaders of partitions move', async () => {
  const topic = 'moved'
  await kafka.ensureTopic(topic, PARTITIONS)
  await waitForReplicas(topic)
  const publisher = kafka.publisher()
  const acknowledged: string[] = []
  const sendToAllPartitions = async (name: string): Promise<void> => {
    const values = Array.from({ length: 40 }, (_, i) => `${name} ${i}`)
    await publisher.send(topic, values.map((value, i) => ({ key: `key ${i}`, value }))) // prettier-ignore
    acknowledged.push(...values)
  }
  await sendToAllPartitions('before')
  for (let partition = 0; partition < PARTITIONS; partition++) {
    await cluster.moveLeader(topic, partition)
    await sendToAllPartitions(`moved ${partition}`)
  }
  await publisher.close()
  const stored = await readValues(topic)
  expect(acknowledged).toHaveLength((1 + PARTITIONS) * 40)
  expect(acknowledged.filter((value) => !stored.has(value))).toEqual([])
}, 180_000)
