import { setTimeout as pause } from 'node:timers/promises'
import type { ProcessName, Shop } from '@halles/dev-shop'
import type { FaultProxy, NetworkFault } from './fault-proxy.ts'
import {
  brokerFaults,
  poisonMessages,
  replicaSetFaults,
  type BrokerFault,
  type ConnectionName,
  type Fault,
  type FaultSpec,
  type KillTarget,
  type PoisonMessage,
  type ReplicaSetFault,
} from './fault-schedule.ts'
import type { MailFault, MailServer } from './mail-server.ts'
import { createServerFaults } from './server-faults.ts'

/**
 * A fault that was injected. Times are in milliseconds since 1970; a killed process accepts requests again at `ended`, and
 * MongoDB had a new primary at `electedAt`.
 */
export type InjectedFault = Fault & { began: number; ended: number | undefined; electedAt?: number }

/** How many processes may be down at the same time: a shop that is down altogether shows no bugs. */
const MAX_CONCURRENT_KILLS = 2
/** How long the start of a killed process is retried, in milliseconds. */
const RESTART_TIMEOUT = 90_000

type Deps = {
  shop: Pick<Shop, 'processes' | 'replicaSet' | 'kafkaCluster'>
  proxies: ReadonlyMap<ConnectionName, FaultProxy>
  mailServer: Pick<MailServer, 'setFault'>
  /** Publishes a message on order-events. */
  publish: (key: string, value: string | null) => Promise<void>
  onProgress: (line: string) => void
  /** Aborts the run: killed processes are then not started again. */
  signal?: AbortSignal | undefined
}

/** The part of a process name before the number of the instance: of `order-2` the service `order`. */
const serviceOf = (target: string): string => target.replace(/-\d+$/, '')

const mapAll = <K extends string, V>(keys: readonly K[], value: V): Record<K, V> =>
  Object.fromEntries(keys.map((key) => [key, value])) as Record<K, V>

/**
 * The sequence of a fault. Faults of one sequence wait for each other where they must: kills for a process to be up again,
 * those of MongoDB's members and of Kafka's brokers for the last one to be reverted, as a majority must stay.
 */
const sequenceOf = ({ what }: Fault): 'kills' | 'members' | 'brokers' | 'others' => {
  if (what === 'kill' || what === 'restart') return 'kills'
  if ((replicaSetFaults as readonly string[]).includes(what)) return 'members'
  return (brokerFaults as readonly string[]).includes(what) ? 'brokers' : 'others'
}

/** Creates the injector, which runs a schedule of faults and reverts each of them. */
export function createFaultInjector({ shop, proxies, mailServer, publish, onProgress, signal }: Deps) {
  const injected: InjectedFault[] = []
  const kills = new Map<KillTarget, Promise<void>>()
  const stopping = new AbortController()

  /** Waits so many milliseconds, or until `stop`. */
  const wait = (ms: number): Promise<void> => pause(ms, undefined, { signal: stopping.signal }).catch(() => {})

  /** Starts a killed process, repeatedly if need be: a dependency of it may be down as well. */
  async function restart(target: KillTarget): Promise<void> {
    for (const deadline = Date.now() + RESTART_TIMEOUT; ;)
      try {
        return await shop.processes[target]!.restart()
      } catch (error) {
        if (signal?.aborted) return
        if (Date.now() > deadline) throw error
        const lastLine = String(error).trimEnd().split('\n').at(-1)!.trim().slice(0, 300)
        onProgress(`${target} did not start and is started again: ${lastLine}`)
      }
  }

  const { memberFaults, leaderFaults } = createServerFaults({ shop, wait })

  const actions: Record<FaultSpec['what'], (fault: InjectedFault) => Promise<void>> = {
    kill: async ({ on, lasts }) => {
      const target = on as KillTarget
      await shop.processes[target]!.kill('SIGKILL')
      await wait(lasts)
      await restart(target)
    },
    restart: ({ on }) => restart(on as ProcessName),
    freeze: async ({ on, lasts }) => {
      const process = shop.processes[on as ProcessName]!
      const pid = process.pid()
      await process.kill('SIGSTOP')
      await wait(lasts)
      // A process that was killed meanwhile has been replaced by a running one.
      if (process.pid() === pid) await process.kill('SIGCONT')
    },
    down: injectNetworkFault,
    stall: injectNetworkFault,
    latency: injectNetworkFault,
    'drop-responses': injectNetworkFault,
    defer: injectMailFault,
    reject: injectMailFault,
    hang: injectMailFault,
    'accept-then-disconnect': injectMailFault,
    poison: ({ on, at }) => publish(`poison ${at}`, poisonMessages[on as PoisonMessage]),
    ...mapAll(replicaSetFaults, injectMemberFault),
    ...mapAll(brokerFaults, ({ what, lasts }) => leaderFaults[what as BrokerFault](lasts)),
  }

  function injectMemberFault(fault: InjectedFault): Promise<void> {
    return memberFaults[fault.what as ReplicaSetFault](fault.lasts, () => {
      fault.electedAt = Date.now()
    })
  }

  async function injectNetworkFault({ what, on, lasts }: Fault): Promise<void> {
    const proxy = proxies.get(on as ConnectionName)!
    proxy.inject(what as NetworkFault)
    await wait(lasts)
    proxy.clear()
  }

  async function injectMailFault({ what, lasts }: Fault): Promise<void> {
    mailServer.setFault(what as MailFault)
    await wait(lasts)
    mailServer.setFault(undefined)
  }

  async function inject(fault: Fault): Promise<void> {
    const target = fault.what === 'kill' || fault.what === 'restart' ? fault.on : undefined
    // Skips a service of which a process is still starting after the last kill: with two, one of them always runs. Skips
    // a process that is not running, too, and so cannot be frozen.
    if (target !== undefined && [...kills.keys()].some((other) => serviceOf(other) === serviceOf(target))) return
    if (fault.what === 'freeze' && shop.processes[fault.on]!.pid() === undefined) return
    const entry: InjectedFault = { ...fault, began: Date.now(), ended: undefined }
    injected.push(entry)
    const action = actions[fault.what](entry).finally(() => {
      entry.ended = Date.now()
      if (target !== undefined) kills.delete(target)
    })
    if (target !== undefined) kills.set(target, action)
    await action
  }

  return {
    /** What was injected so far. */
    injected,
    /**
     * Injects the faults at their times, or later where a slow machine takes longer to start killed processes. Resolves
     * when every fault is reverted and every process is ready.
     *
     * @throws what the first failed fault threw
     */
    run: async (schedule: Fault[]): Promise<void> => {
      const start = Date.now()
      const failures: unknown[] = []
      const isKill = ({ what }: Fault): boolean => what === 'kill' || what === 'restart'
      const sequences = Object.values(Object.groupBy(schedule, sequenceOf))
      const runSequence = async (faults: Fault[]): Promise<void> => {
        const actions: Promise<void>[] = []
        for (const fault of faults) {
          await wait(start + fault.at - Date.now())
          while (isKill(fault) && kills.size >= MAX_CONCURRENT_KILLS) await Promise.race(kills.values()).catch(() => {})
          if (stopping.signal.aborted) break
          const action = inject(fault).catch((error: unknown) => void failures.push(error))
          actions.push(action)
          if (/members|brokers/.test(sequenceOf(fault))) await action
        }
        await Promise.all(actions)
      }
      await Promise.all(sequences.map(runSequence))
      if (failures.length > 0) throw failures[0]
    },
    /** Reverts the current faults and injects no more; `run` then resolves. */
    stop: (): void => stopping.abort(),
  }
}
