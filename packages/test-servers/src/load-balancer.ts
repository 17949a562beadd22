import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileExists, findOnPath } from './commands.ts'
import { isListening, startManagedProcess, type ManagedProcess } from './managed-process.ts'
import type { ProcessGroup } from './process-group.ts'
import { userError } from './user-error.ts'

/** A service with several processes, for which the balancer listens on one port. */
export type BalancedService = {
  name: string
  /** The port on which the balancer listens. */
  port: number
  instances: readonly { name: string; port: number; /** The port of /readyz. */ readinessPort: number }[]
  /** Whether to tell the service the address and the scheme of the client, in X-Forwarded-For and X-Forwarded-Proto. */
  forwardedFor?: boolean
}

/**
 * Starts HAProxy on this machine. Requests are distributed round robin over the instances whose /readyz is 200. A request is
 * only sent to another instance when its connection could not be opened, so that nothing is processed twice. While no
 * instance is ready, requests go to all of them: each answers what it can.
 *
 * @param log the file that gets HAProxy's log: lost connections, and the state of instances
 * @throws a user error when HAProxy is not installed
 */
export async function startLoadBalancer({
  group,
  folder,
  services,
  log,
  onCrash,
}: {
  group: ProcessGroup
  /** The folder of its configuration. */
  folder: string
  services: readonly BalancedService[]
  log: string
  onCrash?: (message: string) => void
}): Promise<ManagedProcess> {
  const haproxy = await findHaproxy()
  if (haproxy === undefined)
    throw userError('Several instances behind one address need HAProxy: install it (apt install haproxy).')
  const file = path.join(folder, 'haproxy.cfg')
  await writeFile(file, configuration(services))
  return startManagedProcess({
    spawn: (options) => group.spawn('haproxy', haproxy, ['-db', '-f', file], { ...options, log }),
    isReady: async () =>
      (await Promise.all(services.map(({ port }) => isListening('127.0.0.1', port)))).every((listening) => listening),
    ...(onCrash && { onCrash }),
  })
}

/** The path of HAProxy; undefined if it is not installed. Debian installs it in a folder that is not on every user's PATH. */
export async function findHaproxy(): Promise<string | undefined> {
  const found = (await findOnPath('haproxy')) ?? '/usr/sbin/haproxy'
  return (await fileExists(found)) ? found : undefined
}

const configuration = (services: readonly BalancedService[]): string => `global
  maxconn 8192
  log stdout format raw local0

defaults
  mode http
  log global
  option httplog
  option dontlog-normal
  option dontlognull
  balance roundrobin
  # Retries are safe: a connection that could not be opened carried no request. They go to another instance.
  retries 3
  option redispatch 1
  retry-on conn-failure
  timeout connect 2s
  timeout check 2s
  timeout queue 5s
  timeout client 75s
  timeout server 75s
  timeout http-keep-alive 75s
  # An idle connection is closed before a stopping service closes it (packages/fastify-service/src/graceful-shutdown.ts).
  http-reuse safe
  option httpchk GET /readyz
  option allbackups
  default-server inter 500ms fastinter 200ms downinter 200ms fall 2 rise 1 pool-purge-delay 500ms

${services.map(listenSection).join('\n')}`

function listenSection({ name, port, instances, forwardedFor = false }: BalancedService): string {
  const forwarded = ['  option forwardfor', '  http-request set-header X-Forwarded-Proto http']
  return [
    `listen ${name}`,
    `  bind 127.0.0.1:${port}`,
    ...(forwardedFor ? forwarded : []),
    ...instances.map(
      (instance) => `  server ${instance.name} 127.0.0.1:${instance.port} check port ${instance.readinessPort}`,
    ),
    '  # Used while no instance is ready.',
    ...instances.map((instance) => `  server ${instance.name}-unready 127.0.0.1:${instance.port} backup`),
    '',
  ].join('\n')
}
