import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Kafka, logLevel, type Admin } from 'kafkajs'
import {
  brokerSettings,
  createAdvertisedListeners,
  installKafka,
  listenerSettings,
  ownListeners,
  startBroker,
} from './kafka.ts'
import { newId } from './kafka-installation.ts'
import { pause, untilReady } from './managed-process.ts'
import { freePort } from './ports.ts'
import type { KafkaBroker, KafkaCluster, ProcessContext, Server } from './server.ts'
import { userError } from './user-error.ts'

/**
 * Every topic has a replica on each of up to three brokers, and a message is stored when two have it. A dead or frozen
 * broker is noticed after 3 s, and its partitions then have new leaders; Kafka's default is 9 s.
 */
const clusterSettings = (brokers: number) => {
  const replicas = String(Math.min(brokers, 3))
  const inSync = String(Math.max(Math.min(brokers, 3) - 1, 1))
  return {
    'default.replication.factor': replicas,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': replicas,
    'offsets.topic.num.partitions': '3',
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': inSync,
    'broker.session.timeout.ms': '3000',
    // A leader moves only when a test moves it, or when its broker fails.
    'auto.leader.rebalance.enable': 'false',
  }
}

/** How long `leader` and `moveLeader` wait for the cluster, in milliseconds. */
const LEADER_TIMEOUT = 60_000

/**
 * Starts a cluster of several brokers as plain processes. Each is broker and controller. The extra listeners advertise one
 * address a broker, separated by commas.
 */
export async function startKafkaCluster(context: ProcessContext, count: number): Promise<Server> {
  const { folder, ports, credentials } = context
  if (credentials) throw userError('A Kafka with authentication has one broker: start it without kafkaBrokers.')
  const extra = context.kafkaListeners.map((addresses) => addresses.split(','))
  if (extra.some(({ length }) => length !== count))
    throw userError(`Each of kafkaListeners needs ${count} addresses, one a broker, separated by commas.`)
  const installation = await installKafka(context)
  const { clusterId, clients, controllers } = await choosePorts(folder, ports.kafka, count)
  const voters = controllers.map((port, i) => `${i + 1}@127.0.0.1:${port}`).join(',')
  const started = await Promise.all(
    clients.map(async (port, i) => {
      const own = path.join(folder, `broker-${i + 1}`)
      await mkdir(own, { recursive: true })
      const listeners = await createAdvertisedListeners(extra.map((addresses) => addresses[i]!))
      const broker = await startBroker({ ...context, folder: own }, installation, {
        port,
        clusterId,
        settings: {
          ...brokerSettings,
          ...clusterSettings(count),
          ...listenerSettings(listeners, ownListeners(port, controllers[i]!)),
          'node.id': String(i + 1),
          'controller.quorum.voters': voters,
        },
      })
      return { broker: { ...broker, id: i + 1, address: `127.0.0.1:${port}` }, listeners }
    }),
  )
  const brokers = started.map(({ broker }) => broker)
  const kafkaCluster = controlCluster(brokers)
  // A broker answers before the others know it.
  await untilReady('the Kafka cluster', () => hasBrokers(brokers))
  return {
    pid: brokers[0]!.pid,
    stop: async () => void (await Promise.all(brokers.map((broker) => broker.stop()))),
    kill: async (signal) => void (await Promise.all(brokers.map((broker) => broker.kill(signal)))),
    restart: async () => void (await Promise.all(brokers.map((broker) => broker.restart()))),
    way: 'process',
    addresses: {
      kafka: brokers.map(({ address }) => address).join(','),
      kafkaListeners: extra.map((_, n) => started.map(({ listeners }) => `127.0.0.1:${listeners[n]!.port}`).join(',')),
    },
    ports: { kafka: clients[0]! },
    kafkaCluster,
  }
}

type ClusterPorts = { clusterId: string; clients: number[]; controllers: number[] }

/** The file with the id of the cluster and its ports, which the next start with the same data uses if they are free. */
const clusterFile = 'cluster.json'

async function choosePorts(folder: string, preferred: number | undefined, count: number): Promise<ClusterPorts> {
  const file = path.join(folder, clusterFile)
  const last = await readFile(file, 'utf8').then(
    (text) => JSON.parse(text) as ClusterPorts,
    () => undefined, // This is the first start.
  )
  const clients: number[] = []
  const controllers: number[] = []
  for (let i = 0; i < count; i++) {
    clients.push(await freePort(last?.clients[i] ?? (i === 0 ? preferred : undefined)))
    controllers.push(await freePort(last?.controllers[i]))
  }
  const chosen = { clusterId: last?.clusterId ?? newId(), clients, controllers }
  await writeFile(file, JSON.stringify(chosen))
  return chosen
}

/**
 * Uses an admin client of each broker that runs, and resolves with the first result: a frozen broker accepts connections but
 * does not answer.
 */
async function withAnyBroker<T>(brokers: readonly KafkaBroker[], use: (admin: Admin) => Promise<T>): Promise<T> {
  const running = brokers.filter((broker) => broker.pid() !== undefined)
  return Promise.any(
    running.map(async ({ address }) => {
      const admin = new Kafka({
        brokers: [address],
        logLevel: logLevel.NOTHING,
        connectionTimeout: 1000,
        requestTimeout: 5000,
        retry: { initialRetryTime: 50, maxRetryTime: 200, retries: 2 },
      }).admin()
      try {
        await admin.connect()
        return await use(admin)
      } finally {
        await admin.disconnect()
      }
    }),
  )
}

const hasBrokers = (brokers: readonly KafkaBroker[]): Promise<boolean> =>
  withAnyBroker(brokers, async (admin) => (await admin.describeCluster()).brokers.length === brokers.length)

function controlCluster(brokers: readonly KafkaBroker[]): KafkaCluster {
  const readPartition = (topic: string, partition: number) =>
    withAnyBroker(brokers, async (admin) => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
      const found = topics[0]?.partitions.find(({ partitionId }) => partitionId === partition)
      if (found === undefined) throw new Error(`Kafka has no partition ${partition} of ${topic}.`)
      return found
    })

  /** Reads the partition until `find` returns something; errors are those of an election. */
  const until = async <T>(
    what: string,
    [topic, partition]: [string, number],
    find: (state: Awaited<ReturnType<typeof readPartition>>) => T | undefined,
  ): Promise<T> => {
    let problem: unknown
    for (const deadline = Date.now() + LEADER_TIMEOUT; Date.now() < deadline; await pause(50))
      try {
        const found = find(await readPartition(topic, partition))
        if (found !== undefined) return found
      } catch (error) {
        problem = error
      }
    throw new Error(`${topic}-${partition} had ${what} for ${LEADER_TIMEOUT / 1000} s`, { cause: problem })
  }

  const leader = (topic: string, partition: number, not?: KafkaBroker): Promise<KafkaBroker> =>
    until('no leader', [topic, partition], (state) =>
      brokers.find((broker) => broker.id === state.leader && broker !== not && broker.pid() !== undefined),
    )

  const reassign = (topic: string, partition: number, replicas: number[]): Promise<unknown> =>
    withAnyBroker(brokers, (admin) =>
      admin.alterPartitionReassignments({ topics: [{ topic, partitionAssignment: [{ partition, replicas }] }] }),
    )

  const inSyncReplicas = async (topic: string, partition: number): Promise<KafkaBroker[]> => {
    const { isr } = await readPartition(topic, partition)
    return brokers.filter(({ id }) => isr.includes(id))
  }

  return {
    brokers,
    leader,
    inSyncReplicas,
    moveLeader: async (topic, partition) => {
      const former = await leader(topic, partition)
      const { replicas, isr } = await readPartition(topic, partition)
      const others = replicas.filter((id) => id !== former.id)
      if (!others.some((id) => isr.includes(id))) throw new Error(`${topic}-${partition} has no other in-sync replica.`)
      // kafkajs has no ElectLeaders. A leader that is no replica any more gives up the leadership; then it returns as one.
      await reassign(topic, partition, others)
      const next = await leader(topic, partition, former)
      await reassign(topic, partition, [...others, former.id])
      await until('a replica less', [topic, partition], (state) => state.isr.includes(former.id) || undefined)
      return next
    },
    killLeader: async (topic, partition) => {
      const killed = await leader(topic, partition)
      await killed.kill('SIGKILL')
      return killed
    },
  }
}
