import { createHash } from 'node:crypto'
import { homedir } from 'node:os'
import path from 'node:path'
import type { ContainerRuntimeClient } from 'testcontainers'
import { fileExists } from './commands.ts'
import { config } from './config.ts'
import { answersApiVersions, brokerSettings, createAdvertisedListeners, listenerSettings } from './kafka.ts'
import { becomePrimary, mongodbUrl, mongodOptions } from './mongodb.ts'
import { freePort } from './ports.ts'
import { isListening, untilReady } from './managed-process.ts'
import type { Ports, Server, ServerName } from './server.ts'

type Mount = { source: string; target: string }

export type Engine = {
  client: ContainerRuntimeClient
  /** The host on which published ports are reachable. */
  host: string
}

/**
 * Finds a Docker engine that answers; undefined when there is none. testcontainers is only loaded when a socket or a
 * setting suggests that there is an engine.
 */
export async function findDockerEngine(onProgress: (line: string) => void): Promise<Engine | undefined> {
  const { dockerHost, runtimeDir } = config()
  const sockets = [
    '/var/run/docker.sock',
    path.join(runtimeDir ?? '/run', 'docker.sock'),
    ...['.docker/run/docker.sock', '.docker/desktop/docker.sock', '.testcontainers.properties'].map((file) =>
      path.join(homedir(), file),
    ),
  ]
  const present = await Promise.all(sockets.map((socket) => fileExists(socket)))
  if (dockerHost === undefined && !present.includes(true)) return undefined
  const { getContainerRuntimeClient } = await import('testcontainers')
  try {
    const client = await getContainerRuntimeClient()
    const { host } = client.info.containerRuntime
    return { client, host: ['localhost', '::1'].includes(host) ? '127.0.0.1' : host }
  } catch {
    onProgress(
      `No Docker engine answers${dockerHost === undefined ? '' : ` at ${dockerHost}`}: using plain processes instead`,
    )
    return undefined
  }
}

/** Starts a server in a container. With `dataDir` its data is in a volume that a later start uses again. */
export async function startContainer(
  engine: Engine,
  name: ServerName,
  { ports, dataDir, kafkaListeners }: { ports: Ports; dataDir: string | undefined; kafkaListeners: string[] },
): Promise<Server> {
  const mount = (target: string) => (dataDir === undefined ? [] : [{ source: volumeName(dataDir, name), target }])
  if (name === 'mongodb') return startMongodbContainer(engine, await freePort(ports.mongodb), mount('/data/db'))
  if (name === 'kafka')
    return startKafkaContainer(engine, await freePort(ports.kafka), mount('/var/lib/kafka'), kafkaListeners)
  return startMailboxContainer(engine, await freePort(ports.smtp), await freePort(ports.mailbox))
}

/** Removes the volumes that `startContainer` created for this data folder. */
export async function removeVolumes(dataDir: string): Promise<void> {
  const engine = await findDockerEngine(() => {})
  const docker = engine?.client.container.dockerode
  for (const name of ['mongodb', 'kafka'] as const) {
    await docker
      ?.getVolume(volumeName(dataDir, name))
      .remove()
      .catch((error: { statusCode?: number }) => (error.statusCode === 404 ? undefined : Promise.reject(error)))
  }
}

function volumeName(dataDir: string, name: ServerName): string {
  return `halles-${createHash('sha256').update(path.resolve(dataDir)).digest('hex').slice(0, 12)}-${name}`
}

// The port is the same inside and outside the container. So the address that a server announces (in the configuration of
// the replica set, in Kafka's metadata) is valid in both places.

function startMongodbContainer(engine: Engine, port: number, mounts: Mount[]): Promise<Server> {
  return createContainerServer(engine, {
    name: 'mongodb',
    image: config().images.mongodb,
    command: ['mongod', ...mongodOptions, '--bind_ip_all', '--port', String(port)],
    mounts,
    isReady: async () => (await isListening(engine.host, port)) && (await becomePrimary(engine.host, port)),
    addresses: { mongodb: mongodbUrl(engine.host, port) },
    ports: { mongodb: port },
  })
}

async function startKafkaContainer(
  engine: Engine,
  port: number,
  mounts: Mount[],
  kafkaListeners: string[],
): Promise<Server> {
  const listeners = await createAdvertisedListeners(kafkaListeners)
  const settings = {
    ...brokerSettings,
    ...listenerSettings(listeners, {
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
  return createContainerServer(engine, {
    name: 'kafka',
    image: config().images.kafka,
    environment: { ...Object.fromEntries(variables), KAFKA_HEAP_OPTS: '-Xmx256m -Xms64m' },
    mounts,
    isReady: () => answersApiVersions(engine.host, port),
    addresses: {
      kafka: `${engine.host}:${port}`,
      kafkaListeners: listeners.map((listener) => `${engine.host}:${listener.port}`),
    },
    ports: { kafka: port },
    extraPorts: listeners.map((listener) => listener.port),
  })
}

function startMailboxContainer(engine: Engine, smtp: number, web: number): Promise<Server> {
  const mailbox = `http://${engine.host}:${web}`
  return createContainerServer(engine, {
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
  /** Further ports to publish. */
  extraPorts?: number[]
  isReady: () => Promise<boolean>
}

async function createContainerServer(engine: Engine, launch: ContainerLaunch): Promise<Server> {
  const { GenericContainer } = await import('testcontainers')
  const { name, addresses, ports, extraPorts = [], isReady } = launch

  /** Publishes ports on the loopback interface only. testcontainers has no option for that. */
  class LocalContainer extends GenericContainer {
    protected override async beforeContainerCreated(): Promise<void> {
      if (engine.host !== '127.0.0.1') return
      const published = Object.values((this.hostConfig.PortBindings ?? {}) as Record<string, { HostIp?: string }[]>)
      for (const binding of published.flat()) binding.HostIp = '127.0.0.1'
    }
  }

  const container = await new LocalContainer(launch.image)
    .withExposedPorts(...[...Object.values(ports), ...extraPorts].map((port) => ({ container: port, host: port })))
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
