import { createHash } from 'node:crypto'
import { homedir } from 'node:os'
import path from 'node:path'
import type { ContainerRuntimeClient } from 'testcontainers'
import { config } from './config.ts'
import { answersKafka, brokerSettings, doorsFor, listenersOf } from './kafka.ts'
import { becomePrimary, mongodbUrl, mongodOptions } from './mongodb.ts'
import { freePort } from './ports.ts'
import { listens, untilReady } from './managed-process.ts'
import type { Ports, Server, ServerName } from './server.ts'
import { exists } from './tools.ts'

type Mount = { source: string; target: string }

export type Engine = {
  client: ContainerRuntimeClient
  /** Where published ports are reached. */
  host: string
}

/** The Docker engine that answers, if any. testcontainers is only loaded where there are signs of one. */
export async function dockerEngine(onProgress: (line: string) => void): Promise<Engine | undefined> {
  const { dockerHost, runtimeDir } = config()
  const sockets = [
    '/var/run/docker.sock',
    path.join(runtimeDir ?? '/run', 'docker.sock'),
    ...['.docker/run/docker.sock', '.docker/desktop/docker.sock', '.testcontainers.properties'].map((file) =>
      path.join(homedir(), file),
    ),
  ]
  const signs = await Promise.all(sockets.map((socket) => exists(socket)))
  if (dockerHost === undefined && !signs.includes(true)) return undefined
  const { getContainerRuntimeClient } = await import('testcontainers')
  try {
    const client = await getContainerRuntimeClient()
    const { host } = client.info.containerRuntime
    return { client, host: ['localhost', '::1'].includes(host) ? '127.0.0.1' : host }
  } catch {
    onProgress(
      `No Docker engine answers${dockerHost === undefined ? '' : ` at ${dockerHost}`}: plain processes instead`,
    )
    return undefined
  }
}

/** Starts one of the servers in a container; with `dataDir` its data is in a volume that a later start finds again. */
export async function startContainer(
  engine: Engine,
  name: ServerName,
  { ports, dataDir, kafkaDoors }: { ports: Ports; dataDir: string | undefined; kafkaDoors: string[] },
): Promise<Server> {
  const mount = (target: string) => (dataDir === undefined ? [] : [{ source: volumeOf(dataDir, name), target }])
  if (name === 'mongodb') return mongodbContainer(engine, await freePort(ports.mongodb), mount('/data/db'))
  if (name === 'kafka') return kafkaContainer(engine, await freePort(ports.kafka), mount('/var/lib/kafka'), kafkaDoors)
  return mailboxContainer(engine, await freePort(ports.smtp), await freePort(ports.mailbox))
}

/** Removes the volumes that `startContainer` made for this data folder. */
export async function removeVolumes(dataDir: string): Promise<void> {
  const engine = await dockerEngine(() => {})
  const docker = engine?.client.container.dockerode
  for (const name of ['mongodb', 'kafka'] as const) {
    await docker
      ?.getVolume(volumeOf(dataDir, name))
      .remove()
      .catch((error: { statusCode?: number }) => (error.statusCode === 404 ? undefined : Promise.reject(error)))
  }
}

function volumeOf(dataDir: string, name: ServerName): string {
  return `halles-${createHash('sha256').update(path.resolve(dataDir)).digest('hex').slice(0, 12)}-${name}`
}

// Inside and outside the container the port is the same, so that the address by which a server knows itself (in the
// replica set's settings, in Kafka's metadata) is right in both places.

function mongodbContainer(engine: Engine, port: number, mounts: Mount[]): Promise<Server> {
  return containerServer(engine, {
    name: 'mongodb',
    image: config().images.mongodb,
    command: ['mongod', ...mongodOptions, '--bind_ip_all', '--port', String(port)],
    mounts,
    isReady: async () => (await listens(engine.host, port)) && (await becomePrimary(engine.host, port)),
    addresses: { mongodb: mongodbUrl(engine.host, port) },
    ports: { mongodb: port },
  })
}

async function kafkaContainer(engine: Engine, port: number, mounts: Mount[], kafkaDoors: string[]): Promise<Server> {
  const doors = await doorsFor(kafkaDoors)
  const settings = {
    ...brokerSettings,
    ...listenersOf(doors, {
      bind: '',
      listeners: `PLAINTEXT://:${port},CONTROLLER://:9093`,
      advertised: `PLAINTEXT://${engine.host}:${port}`,
    }),
    'controller.quorum.voters': '1@localhost:9093',
    'log.dirs': '/var/lib/kafka/kept',
  }
  const variables = Object.entries(settings).map(([key, value]) => [
    `KAFKA_${key.toUpperCase().replaceAll('.', '_')}`,
    value,
  ])
  return containerServer(engine, {
    name: 'kafka',
    image: config().images.kafka,
    environment: { ...Object.fromEntries(variables), KAFKA_HEAP_OPTS: '-Xmx256m -Xms64m' },
    mounts,
    isReady: () => answersKafka(engine.host, port),
    addresses: { kafka: `${engine.host}:${port}`, kafkaDoors: doors.map((door) => `${engine.host}:${door.port}`) },
    ports: { kafka: port },
    doors: doors.map((door) => door.port),
  })
}

function mailboxContainer(engine: Engine, smtp: number, web: number): Promise<Server> {
  const mailbox = `http://${engine.host}:${web}`
  return containerServer(engine, {
    name: 'mailbox',
    image: config().images.mailbox!,
    environment: { MAILDEV_SMTP_PORT: String(smtp), MAILDEV_WEB_PORT: String(web) },
    mounts: [],
    isReady: async () => (await fetch(`${mailbox}/api/healthz`)).ok,
    addresses: { smtp: `smtp://${engine.host}:${smtp}`, mailbox },
    ports: { smtp, mailbox: web },
  })
}

type ContainerLaunch = Pick<Server, 'addresses' | 'ports'> & {
  name: ServerName
  image: string
  command?: string[]
  environment?: Record<string, string>
  mounts: Mount[]
  /** Ports that are published besides. */
  doors?: number[]
  isReady: () => Promise<boolean>
}

async function containerServer(engine: Engine, launch: ContainerLaunch): Promise<Server> {
  const { GenericContainer } = await import('testcontainers')
  const { name, addresses, ports, doors = [], isReady } = launch

  /** A container whose ports are published for this machine only, which testcontainers has no option for. */
  class LocalContainer extends GenericContainer {
    protected override async beforeContainerCreated(): Promise<void> {
      if (engine.host !== '127.0.0.1') return
      const published = Object.values((this.hostConfig.PortBindings ?? {}) as Record<string, { HostIp?: string }[]>)
      for (const binding of published.flat()) binding.HostIp = '127.0.0.1'
    }
  }

  const container = await new LocalContainer(launch.image)
    .withExposedPorts(...[...Object.values(ports), ...doors].map((port) => ({ container: port, host: port })))
    .withCommand(launch.command ?? [])
    .withEnvironment(launch.environment ?? {})
    .withBindMounts(launch.mounts)
    .withWaitStrategy({
      waitUntilReady: () => untilReady(`${name} (${launch.image})`, isReady),
      withStartupTimeout() {
        return this
      },
      isStartupTimeoutSet: () => true,
      getStartupTimeout: () => 60_000,
    })
    .start()
  return {
    way: 'container',
    addresses,
    ports,
    pid: () => undefined,
    stop: async () => {
      await container.stop({ timeout: 10_000, remove: true, removeVolumes: true })
    },
    kill: async (signal) => {
      await engine.client.container.getById(container.getId()).kill({ signal })
    },
    restart: () => container.restart({ timeout: 10_000 }),
  }
}
