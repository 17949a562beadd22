import { randomBytes } from 'node:crypto'
import { copyFile, mkdir, rename, rm, stat, writeFile, readdir, realpath } from 'node:fs/promises'
import { connect } from 'node:net'
import path from 'node:path'
import { config } from './config.ts'
import { listenersWith, scramUsers } from './guard.ts'
import { plainError } from './plain-error.ts'
import { freePort } from './ports.ts'
import type { ProcessGroup } from './process-group.ts'
import { managedProcess } from './managed-process.ts'
import type { Place, Server } from './server.ts'
import { cached, exists, onPath, run } from './tools.ts'

export const kafkaVersion = '4.3.1'
const jvm = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx128m', '-XX:-UsePerfData']

/**
 * What the broker is told, in whichever way it is started. One node is broker and controller; its internal topics are
 * small; when it was killed, its own old session keeps it from coming back for only two seconds.
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

/** A broker as a plain process. */
export async function kafkaProcess(place: Place): Promise<Server> {
  const { group, folder, ports, kafkaDoors, guard, onProgress, onCrash } = place
  const java = await findJava(group)
  const kafka = await findKafka(group, java, onProgress)
  const data = path.join(folder, 'data')
  const log = path.join(folder, 'kafka.log')
  const settings = path.join(folder, 'server.properties')
  await mkdir(data, { recursive: true })
  await rm(log, { force: true })
  const port = await freePort(ports.kafka)
  const controller = await freePort()
  const doors = await doorsFor(kafkaDoors)
  const guarded = guard && { scram: await freePort(), both: await freePort() }
  const watched = guarded && (await listenersWith(guard, folder, guarded))
  const listening = listenersOf(doors, {
    bind: '127.0.0.1',
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    advertised: `PLAINTEXT://127.0.0.1:${port}`,
  })
  await writeFile(
    settings,
    properties({
      ...brokerSettings,
      ...listening,
      ...(watched && {
        listeners: `${listening.listeners},${watched.listeners}`,
        'advertised.listeners': `${listening['advertised.listeners']},${watched.listeners}`,
        'listener.security.protocol.map': `${listening['listener.security.protocol.map']},${watched.protocols}`,
        ...watched.settings,
      }),
      'controller.quorum.voters': `1@127.0.0.1:${controller}`,
      'log.dirs': data,
    }),
  )
  if (!(await exists(path.join(data, 'meta.properties')))) await formatData(kafka, data)
  const classes = await classArchive(java)
  const args = [...jvm, ...classes.flags, 'kafka.Kafka', settings]
  const env = { ...config().environment, CLASSPATH: await classPath(kafka) }
  const managed = await managedProcess({
    spawn: (options) => group.spawn('kafka', java, args, { ...options, log, env }),
    isReady: () => answersKafka('127.0.0.1', port),
    graceMs: classes.recording ? 30_000 : 10_000,
    onCrash,
  })
  if (guard)
    for (const words of scramUsers(guard, `127.0.0.1:${port}`))
      await run(group, java, [...jvm, '-cp', env.CLASSPATH, ...words])
  return {
    ...managed,
    way: 'process',
    addresses: {
      kafka: `127.0.0.1:${port}`,
      kafkaDoors: doors.map((door) => `127.0.0.1:${door.port}`),
      ...(guarded && {
        kafkaGuarded: { scram: `127.0.0.1:${guarded.scram}`, both: `127.0.0.1:${guarded.both}` },
      }),
    },
    ports: { kafka: port },
    stop: async () => {
      await managed.stop()
      await classes.keep()
    },
  }
}

/** A port on which the broker takes connections, and the `host:port` that it says it has there. */
type Door = { port: number; advertised: string }

export function doorsFor(kafkaDoors: string[]): Promise<Door[]> {
  return Promise.all(kafkaDoors.map(async (advertised) => ({ port: await freePort(), advertised })))
}

/** The settings by which a broker listens: on its own listeners, and on a door more for each of `doors`. */
export function listenersOf(doors: Door[], own: { bind: string; listeners: string; advertised: string }) {
  const named = doors.map(({ port, advertised }, i) => ({ name: `DOOR${i}`, port, advertised }))
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

/** Whether the broker answers the simplest question (which APIs it speaks); before it works it accepts, but is silent. */
export function answersKafka(host: string, port: number): Promise<boolean> {
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

/** Java 17 or newer, as a command. */
async function findJava(group: ProcessGroup): Promise<string> {
  const advice = 'start a Docker engine, or install Java 17 or newer (apt install openjdk-17-jre-headless)'
  const { javaHome } = config()
  const java = javaHome === undefined ? await onPath('java') : path.join(javaHome, 'bin', 'java')
  if (java === undefined || !(await exists(java))) throw plainError(`Kafka needs Java: ${advice}.`)
  const said = (await run(group, java, ['-XX:TieredStopAtLevel=1', '-version'])).join(' ')
  const major = Number(/version "(\d+)/.exec(said)?.[1])
  if (!(major >= 17)) throw plainError(`Kafka needs Java 17 and ${java} is older (${said.slice(0, 60)}): ${advice}.`)
  return realpath(java)
}

/** A folder with Kafka's jars in `libs` and the formatted `bootstrap.checkpoint`; fetched by Maven once. */
function findKafka(group: ProcessGroup, java: string, onProgress: (line: string) => void): Promise<string> {
  return cached(`kafka-${kafkaVersion}`, async (unfinished) => {
    const maven = await onPath('mvn')
    if (maven === undefined) {
      throw plainError('Kafka is missing: start a Docker engine, or install Maven to fetch it (apt install maven).')
    }
    onProgress(`Kafka: downloading Apache Kafka ${kafkaVersion} (54 MB, once)`)
    await writeFile(path.join(unfinished, 'pom.xml'), pom)
    const libs = path.join(unfinished, 'libs')
    const goals = ['dependency:copy-dependencies', `-DoutputDirectory=${libs}`, '-DincludeScope=runtime']
    await run(group, maven, ['--quiet', '--batch-mode', ...goals], unfinished)
    // What a new broker reads first: which features it has. The same for every broker, so it is made once.
    const data = path.join(unfinished, 'format')
    const settings = path.join(unfinished, 'format.properties')
    const voters = { listeners: 'CONTROLLER://127.0.0.1:9093', 'controller.quorum.voters': '1@127.0.0.1:9093' }
    await writeFile(
      settings,
      properties({ ...brokerSettings, ...voters, 'process.roles': 'controller', 'log.dirs': data }),
    )
    const format = ['kafka.tools.StorageTool', 'format', '--cluster-id', newId(), '--config', settings]
    await run(group, java, [...jvm, '-cp', await classPath(unfinished), ...format])
    await rename(path.join(data, 'bootstrap.checkpoint'), path.join(unfinished, 'bootstrap.checkpoint'))
    await rm(data, { recursive: true })
  })
}

async function classPath(kafka: string): Promise<string> {
  const libs = path.join(kafka, 'libs')
  const jars = (await readdir(libs)).filter((file) => file.endsWith('.jar')).toSorted()
  return jars.map((jar) => path.join(libs, jar)).join(path.delimiter)
}

/** Does to an empty data folder what `kafka-storage format` does, without a second of JVM. */
async function formatData(kafka: string, data: string): Promise<void> {
  await copyFile(path.join(kafka, 'bootstrap.checkpoint'), path.join(data, 'bootstrap.checkpoint'))
  const meta = { version: '1', 'cluster.id': newId(), 'directory.id': newId(), 'node.id': brokerSettings['node.id'] }
  await writeFile(path.join(data, 'meta.properties'), properties(meta))
}

/** A random id as Kafka writes them; never one that begins with a dash, which tools take for an option. */
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
 * The JVM's archive of loaded classes, which saves half the start. The first broker that is stopped gently writes it
 * (some 3 s more, once); it is bound to one Java, and a JVM that finds it unfit goes on without.
 */
async function classArchive(java: string) {
  const { mtimeMs, size } = await stat(java)
  const archive = path.join(config().cache, `kafka-${kafkaVersion}-${Math.trunc(mtimeMs).toString(36)}-${size}.jsa`)
  if (await exists(archive)) {
    return { recording: false, flags: [`-XX:SharedArchiveFile=${archive}`, '-Xlog:cds=off'], keep: async () => {} }
  }
  const unfinished = `${archive}.${process.pid}`
  return {
    recording: true,
    flags: [`-XX:ArchiveClassesAtExit=${unfinished}`, '-Xlog:cds=off', '-Xlog:cds+dynamic=off'],
    keep: async () => {
      if (await exists(unfinished)) await rename(unfinished, archive)
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
