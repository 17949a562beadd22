import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import path from 'node:path'
import { authenticatedListeners, scramUserCommands } from './authentication.ts'
import { fileExists, runCommand } from './commands.ts'
import { config } from './config.ts'
import { classArchive, classPath, findJava, findKafka, jvmOptions, newId, properties } from './kafka-installation.ts'
import { freePort } from './ports.ts'
import { startManagedProcess, type ManagedProcess } from './managed-process.ts'
import type { ProcessContext, Server } from './server.ts'

/**
 * The settings of the broker, in a container or as a process. One node is broker and controller, and its internal topics
 * are small. After a kill the broker waits for the end of its old session: two seconds here.
 */
export const brokerSettings = {
  'process.roles': 'broker,controller',
  'node.id': '1',
  'controller.listener.names': 'CONTROLLER',
  'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
  'auto.create.topics.enable': 'false',
  'offsets.topic.num.partitions': '1',
  'offsets.topic.replication.factor': '1',
  'transaction.state.log.num.partitions': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'share.coordinator.state.topic.num.partitions': '1',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
  'group.initial.rebalance.delay.ms': '0',
  'broker.session.timeout.ms': '2000',
  'broker.heartbeat.interval.ms': '500',
  'controlled.shutdown.enable': 'false',
  'log.cleaner.enable': 'false',
  'num.network.threads': '1',
  'num.io.threads': '2',
}

/** Starts a single broker as a plain process. */
export async function startKafkaProcess(context: ProcessContext): Promise<Server> {
  const { group, folder, ports, kafkaListeners, credentials } = context
  const installation = await installKafka(context)
  const { java, jars } = installation
  const port = await freePort(ports.kafka)
  const controller = await freePort()
  const extraListeners = await createAdvertisedListeners(kafkaListeners)
  const authPorts = credentials && { scram: await freePort(), both: await freePort() }
  const authenticated = authPorts && (await authenticatedListeners(credentials, folder, authPorts))
  const listening = listenerSettings(extraListeners, ownListeners(port, controller))
  const managed = await startBroker(context, installation, {
    port,
    clusterId: newId(),
    recordClasses: true,
    settings: {
      ...brokerSettings,
      ...listening,
      ...(authenticated && {
        listeners: `${listening.listeners},${authenticated.listeners}`,
        'advertised.listeners': `${listening['advertised.listeners']},${authenticated.listeners}`,
        'listener.security.protocol.map': `${listening['listener.security.protocol.map']},${authenticated.protocols}`,
        ...authenticated.settings,
      }),
      'controller.quorum.voters': `1@127.0.0.1:${controller}`,
    },
  })
  if (credentials)
    for (const command of scramUserCommands(credentials, `127.0.0.1:${port}`))
      await runCommand(group, java, [...jvmOptions, '-cp', jars, ...command])
  return {
    ...managed,
    way: 'process',
    addresses: {
      kafka: `127.0.0.1:${port}`,
      kafkaListeners: extraListeners.map((listener) => `127.0.0.1:${listener.port}`),
      ...(authPorts && {
        kafkaAuthenticated: { scram: `127.0.0.1:${authPorts.scram}`, both: `127.0.0.1:${authPorts.both}` },
      }),
    },
    ports: { kafka: port },
  }
}

/** The path of Java, the folder with Kafka, and the class path of its jars. */
export type KafkaInstallation = { java: string; kafka: string; jars: string }

/** Finds Java and Kafka, which is downloaded once. @throws a user error that says what to install */
export async function installKafka({ group, onProgress }: ProcessContext): Promise<KafkaInstallation> {
  const java = await findJava(group)
  const kafka = await findKafka(group, java, onProgress)
  return { java, kafka, jars: await classPath(kafka) }
}

/** How to start one broker. */
type BrokerLaunch = {
  /** The port of its listener for clients. */
  port: number
  /** The id of its cluster, which a new data folder is formatted with. */
  clusterId: string
  /** All its settings but `log.dirs`. */
  settings: Record<string, string>
  /** Whether it may write the class data archive. */
  recordClasses?: boolean
}

/** Starts a broker as a plain process with its data, settings and log in the folder of the context. */
export async function startBroker(
  { group, folder, onCrash }: ProcessContext,
  { java, kafka, jars }: KafkaInstallation,
  { port, clusterId, settings, recordClasses = false }: BrokerLaunch,
): Promise<ManagedProcess> {
  const data = path.join(folder, 'data')
  const log = path.join(folder, 'kafka.log')
  const file = path.join(folder, 'server.properties')
  await mkdir(data, { recursive: true })
  await rm(log, { force: true })
  await writeFile(file, properties({ ...settings, 'log.dirs': data }))
  if (!(await fileExists(path.join(data, 'meta.properties'))))
    await formatData(kafka, data, { 'cluster.id': clusterId, 'node.id': settings['node.id']! })
  const classes = await classArchive(java, recordClasses)
  const args = [...jvmOptions, ...classes.flags, 'kafka.Kafka', file]
  const env = { ...config().environment, CLASSPATH: jars }
  const managed = await startManagedProcess({
    spawn: (options) => group.spawn('kafka', java, args, { ...options, log, env }),
    isReady: () => answersApiVersions('127.0.0.1', port),
    graceMs: classes.recording ? 30_000 : 10_000,
    onCrash,
  })
  return {
    ...managed,
    stop: async () => {
      await managed.stop()
      await classes.keep()
    },
  }
}

/** The listeners of a broker on this machine, for clients and for the controllers. */
export const ownListeners = (port: number, controller: number) => ({
  bind: '127.0.0.1',
  listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
  advertised: `PLAINTEXT://127.0.0.1:${port}`,
})

/** A port on which the broker listens, and the `host:port` that it advertises to clients that connect there. */
type AdvertisedListener = { port: number; advertised: string }

/** Assigns a free port to each advertised `host:port`. */
export function createAdvertisedListeners(advertisedAddresses: string[]): Promise<AdvertisedListener[]> {
  return Promise.all(advertisedAddresses.map(async (advertised) => ({ port: await freePort(), advertised })))
}

/** The listener settings of a broker: its own listeners, and one more for each of `extra`. */
export function listenerSettings(
  extra: AdvertisedListener[],
  own: { bind: string; listeners: string; advertised: string },
) {
  const named = extra.map(({ port, advertised }, i) => ({ name: `EXTRA${i}`, port, advertised }))
  return {
    listeners: [own.listeners, ...named.map(({ name, port }) => `${name}://${own.bind}:${port}`)].join(','),
    'advertised.listeners': [own.advertised, ...named.map(({ name, advertised }) => `${name}://${advertised}`)].join(
      ',',
    ),
    'listener.security.protocol.map': [
      brokerSettings['listener.security.protocol.map'],
      ...named.map(({ name }) => `${name}:PLAINTEXT`),
    ].join(','),
  }
}

/** Sends an ApiVersions request. A broker that is not ready accepts the connection but does not answer. */
export function answersApiVersions(host: string, port: number): Promise<boolean> {
  const apiVersions = Buffer.from([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 0, 0xff, 0xff])
  return new Promise((resolve) => {
    const socket = connect(port, host, () => socket.write(apiVersions))
    socket.setTimeout(1_000, () => socket.destroy())
    socket.once('data', () => {
      resolve(true)
      socket.destroy()
    })
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
  })
}

/** Formats an empty data folder as `kafka-storage format` does, without the second that a JVM takes to start. */
async function formatData(kafka: string, data: string, ids: { 'cluster.id': string; 'node.id': string }) {
  await copyFile(path.join(kafka, 'bootstrap.checkpoint'), path.join(data, 'bootstrap.checkpoint'))
  await writeFile(path.join(data, 'meta.properties'), properties({ version: '1', 'directory.id': newId(), ...ids }))
}
