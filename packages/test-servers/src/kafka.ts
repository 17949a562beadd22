import { randomBytes } from 'node:crypto'
import { copyFile, mkdir, rename, rm, stat, writeFile, readdir, realpath } from 'node:fs/promises'
import { connect } from 'node:net'
import path from 'node:path'
import { authenticatedListeners, scramUserCommands } from './authentication.ts'
import { cached, fileExists, findOnPath, runCommand } from './commands.ts'
import { config } from './config.ts'
import { userError } from './user-error.ts'
import { freePort } from './ports.ts'
import type { ProcessGroup } from './process-group.ts'
import { startManagedProcess } from './managed-process.ts'
import type { ProcessContext, Server } from './server.ts'

export const kafkaVersion = '4.3.1'
const jvm = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx128m', '-XX:-UsePerfData']

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

/** Starts a broker as a plain process. */
export async function startKafkaProcess(context: ProcessContext): Promise<Server> {
  const { group, folder, ports, kafkaListeners, credentials, onProgress, onCrash } = context
  const java = await findJava(group)
  const kafka = await findKafka(group, java, onProgress)
  const data = path.join(folder, 'data')
  const log = path.join(folder, 'kafka.log')
  const settings = path.join(folder, 'server.properties')
  await mkdir(data, { recursive: true })
  await rm(log, { force: true })
  const port = await freePort(ports.kafka)
  const controller = await freePort()
  const extraListeners = await createAdvertisedListeners(kafkaListeners)
  const authPorts = credentials && { scram: await freePort(), both: await freePort() }
  const authenticated = authPorts && (await authenticatedListeners(credentials, folder, authPorts))
  const listening = listenerSettings(extraListeners, {
    bind: '127.0.0.1',
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    advertised: `PLAINTEXT://127.0.0.1:${port}`,
  })
  await writeFile(
    settings,
    properties({
      ...brokerSettings,
      ...listening,
      ...(authenticated && {
        listeners: `${listening.listeners},${authenticated.listeners}`,
        'advertised.listeners': `${listening['advertised.listeners']},${authenticated.listeners}`,
        'listener.security.protocol.map': `${listening['listener.security.protocol.map']},${authenticated.protocols}`,
        ...authenticated.settings,
      }),
      'controller.quorum.voters': `1@127.0.0.1:${controller}`,
      'log.dirs': data,
    }),
  )
  if (!(await fileExists(path.join(data, 'meta.properties')))) await formatData(kafka, data)
  const classes = await classArchive(java)
  const args = [...jvm, ...classes.flags, 'kafka.Kafka', settings]
  const env = { ...config().environment, CLASSPATH: await classPath(kafka) }
  const managed = await startManagedProcess({
    spawn: (options) => group.spawn('kafka', java, args, { ...options, log, env }),
    isReady: () => answersApiVersions('127.0.0.1', port),
    graceMs: classes.recording ? 30_000 : 10_000,
    onCrash,
  })
  if (credentials)
    for (const command of scramUserCommands(credentials, `127.0.0.1:${port}`))
      await runCommand(group, java, [...jvm, '-cp', env.CLASSPATH, ...command])
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
    stop: async () => {
      await managed.stop()
      await classes.keep()
    },
  }
}

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

/** Finds Java 17 or newer. @returns the path of the command */
async function findJava(group: ProcessGroup): Promise<string> {
  const advice = 'start a Docker engine, or install Java 17 or newer (apt install openjdk-17-jre-headless)'
  const { javaHome } = config()
  const java = javaHome === undefined ? await findOnPath('java') : path.join(javaHome, 'bin', 'java')
  if (java === undefined || !(await fileExists(java))) throw userError(`Kafka needs Java: ${advice}.`)
  const output = (await runCommand(group, java, ['-XX:TieredStopAtLevel=1', '-version'])).join(' ')
  const major = Number(/version "(\d+)/.exec(output)?.[1])
  if (!(major >= 17)) throw userError(`Kafka needs Java 17 and ${java} is older (${output.slice(0, 60)}): ${advice}.`)
  return realpath(java)
}

/** Returns a folder with Kafka's jars in `libs` and a formatted `bootstrap.checkpoint`; Maven downloads it once. */
function findKafka(group: ProcessGroup, java: string, onProgress: (line: string) => void): Promise<string> {
  return cached(`kafka-${kafkaVersion}`, async (unfinished) => {
    const maven = await findOnPath('mvn')
    if (maven === undefined) {
      throw userError('Kafka is missing: start a Docker engine, or install Maven to fetch it (apt install maven).')
    }
    onProgress(`Kafka: downloading Apache Kafka ${kafkaVersion} (54 MB, once)`)
    await writeFile(path.join(unfinished, 'pom.xml'), pom)
    const libs = path.join(unfinished, 'libs')
    const goals = ['dependency:copy-dependencies', `-DoutputDirectory=${libs}`, '-DincludeScope=runtime']
    await runCommand(group, maven, ['--quiet', '--batch-mode', ...goals], unfinished)
    // A new broker reads its feature levels from this checkpoint. It is the same for every broker, so it is made once.
    const data = path.join(unfinished, 'format')
    const settings = path.join(unfinished, 'format.properties')
    const voters = { listeners: 'CONTROLLER://127.0.0.1:9093', 'controller.quorum.voters': '1@127.0.0.1:9093' }
    await writeFile(
      settings,
      properties({ ...brokerSettings, ...voters, 'process.roles': 'controller', 'log.dirs': data }),
    )
    const format = ['kafka.tools.StorageTool', 'format', '--cluster-id', newId(), '--config', settings]
    await runCommand(group, java, [...jvm, '-cp', await classPath(unfinished), ...format])
    await rename(path.join(data, 'bootstrap.checkpoint'), path.join(unfinished, 'bootstrap.checkpoint'))
    await rm(data, { recursive: true })
  })
}

async function classPath(kafka: string): Promise<string> {
  const libs = path.join(kafka, 'libs')
  const jars = (await readdir(libs)).filter((file) => file.endsWith('.jar')).toSorted()
  return jars.map((jar) => path.join(libs, jar)).join(path.delimiter)
}

/** Formats an empty data folder as `kafka-storage format` does, without the second that a JVM takes to start. */
async function formatData(kafka: string, data: string): Promise<void> {
  await copyFile(path.join(kafka, 'bootstrap.checkpoint'), path.join(data, 'bootstrap.checkpoint'))
  const meta = { version: '1', 'cluster.id': newId(), 'directory.id': newId(), 'node.id': brokerSettings['node.id'] }
  await writeFile(path.join(data, 'meta.properties'), properties(meta))
}

/** A random id in Kafka's format. It never begins with a dash, as command lines would take it for an option. */
function newId(): string {
  const id = randomBytes(16).toString('base64url')
  return id.startsWith('-') ? newId() : id
}

function properties(values: Record<string, string>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')
}

/**
 * The JVM's class data archive, which halves the time of a start. The first broker that stops in an orderly way writes it
 * (about 3 s more, once). An archive fits one Java only; a JVM that cannot use it continues without.
 */
async function classArchive(java: string) {
  const { mtimeMs, size } = await stat(java)
  const archive = path.join(config().cache, `kafka-${kafkaVersion}-${Math.trunc(mtimeMs).toString(36)}-${size}.jsa`)
  if (await fileExists(archive)) {
    return { recording: false, flags: [`-XX:SharedArchiveFile=${archive}`, '-Xlog:cds=off'], keep: async () => {} }
  }
  const unfinished = `${archive}.${process.pid}`
  return {
    recording: true,
    flags: [`-XX:ArchiveClassesAtExit=${unfinished}`, '-Xlog:cds=off', '-Xlog:cds+dynamic=off'],
    keep: async () => {
      if (await fileExists(unfinished)) await rename(unfinished, archive)
    },
  }
}

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>halles</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <dependencies>
    ${[
      `org.apache.kafka:kafka_2.13:${kafkaVersion}`,
      `org.apache.kafka:kafka-tools:${kafkaVersion}`,
      'org.slf4j:slf4j-simple:1.7.36',
    ]
      .map((name) => name.split(':'))
      .map(
        ([group, artifact, number]) =>
          `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${number}</version></dependency>`,
      )
      .join('\n    ')}
  </dependencies>
</project>
`
