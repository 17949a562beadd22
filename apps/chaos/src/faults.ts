import { setTimeout as pause } from 'node:timers/promises'
import type { Neighbour, ProcessName, Shop } from '@halles/servers/shop'
import { troubles, type Cable, type Trouble } from './cables.ts'
import { moods, type MailServer, type Mood } from './mail-server.ts'
import { randomOf, type Random } from './random.ts'

/** A process of the shop, or a server that it stands on. */
export type Victim = ProcessName | 'mongodb' | 'kafka'

/** Which cable: `order-2→productGrpc`. */
export type CableName = `${ProcessName}→${Neighbour}`

/** Messages on order-events that are none, and how they read. */
const poisons = {
  'no JSON': 'Hélas, ceci n’est pas du JSON',
  'no event': '{"specversion":"1.0","type":"order.exploded","id":"1"}',
  'no value': null,
} as const
type Poison = keyof typeof poisons

/** Something that goes wrong on purpose, for some milliseconds: a restart comes on top. */
type Wrong =
  | { what: 'kill'; on: Victim; lasts: number }
  | { what: 'freeze'; on: ProcessName; lasts: number }
  | { what: Trouble; on: CableName; lasts: number }
  | { what: Mood; on: 'mail'; lasts: number }
  | { what: 'poison'; on: Poison; lasts: number }

/** When it begins, in milliseconds after the buyers began. */
export type Fault = Wrong & { at: number }

/** What was really done, in milliseconds since 1970. `over`: when it was undone; a process works again then. */
export type Injected = Fault & { began: number; over: number | undefined }

const victims: readonly Victim[] = [
  'auth',
  'product',
  'order',
  'order-2',
  'notification',
  'notification-2',
  'gateway',
  'kafka',
  'mongodb',
]

/** The cables that there are, and what may be wrong with each. An answer that is lost matters where it was a write. */
const wires: Record<CableName, readonly Trouble[]> = Object.fromEntries([
  ...(['order', 'order-2'] as const).flatMap((order) => [
    [`${order}→productGrpc`, troubles],
    [`${order}→mongodb`, troubles],
    [`${order}→kafka`, ['cut', 'silent', 'deaf']],
    [`gateway→${order}`, ['cut', 'silent', 'deaf']],
  ]),
  ...(['notification', 'notification-2'] as const).flatMap((notification) => [
    [`${notification}→mongodb`, ['cut', 'silent', 'deaf']],
    [`${notification}→kafka`, ['cut', 'deaf']],
    [`${notification}→mailbox`, troubles],
  ]),
  ['product→mongodb', ['cut', 'silent', 'deaf']],
  ['auth→mongodb', ['cut']],
])

export const cableNames = Object.keys(wires) as CableName[]

/** How many processes are down at the same moment at the most: a shop that is not there cannot go wrong. */
const AT_ONCE = 2

/** Longer than an intent may stand: a process that sleeps this long wakes to find its work undone. */
const LATE_WAKING: [low: number, high: number] = [16_500, 18_500]

/**
 * What goes wrong and when, all of it by the seed: in three lanes beside each other, processes that are killed, processes
 * that sleep, and wires and mail. In each lane everything there is comes once, shuffled, before anything comes twice.
 */
export function scheduleOf(seed: number, seconds: number): Fault[] {
  const kills = lane(randomOf(seed, 'kills'), seconds, [300, 2000], (random) =>
    random.shuffled(victims).map((on) => ({ what: 'kill', on, lasts: random.between(0, 1500) })),
  )
  const sleeps = lane(randomOf(seed, 'sleeps'), seconds, [500, 4000], (random) => {
    const [late, other] = random.shuffled(['order', 'order-2'] as const)
    const short = random.shuffled([other!, 'product', 'notification', 'notification-2', 'auth', 'gateway'] as const)
    return [
      { what: 'freeze', on: late!, lasts: random.between(...LATE_WAKING) },
      ...short.map((on) => ({ what: 'freeze' as const, on, lasts: random.between(500, 5000) })),
    ]
  })
  const lines = lane(randomOf(seed, 'wires'), seconds, [100, 900], (random) =>
    random.shuffled<Wrong>([
      ...cableNames.map((on) => ({ what: random.pick(wires[on]!), on, lasts: random.between(300, 3500) })),
      ...moods.map((what) => ({ what, on: 'mail' as const, lasts: random.between(500, 4000) })),
      ...(Object.keys(poisons) as Poison[]).map((on) => ({ what: 'poison' as const, on, lasts: 0 })),
    ]),
  )
  return [...kills, ...sleeps, ...lines].toSorted((a, b) => a.at - b.at)
}

/** One thing after another, each some milliseconds after the one before it is over, until the time is up. */
function lane(
  random: Random,
  seconds: number,
  gap: [low: number, high: number],
  deal: (random: Random) => Wrong[],
): Fault[] {
  const faults: Fault[] = []
  for (let at = random.between(...gap); ;)
    for (const wrong of deal(random)) {
      if (at >= seconds * 1000) return faults
      faults.push({ ...wrong, at })
      at += wrong.lasts + random.between(...gap)
    }
}

export type Tools = {
  shop: Pick<Shop, 'processes'>
  cables: ReadonlyMap<CableName, Cable>
  mail: Pick<MailServer, 'feel'>
  /** Puts a message on order-events. */
  poison: (key: string, value: string | null) => Promise<void>
  /** Told of each thing as it happens. */
  onProgress: (line: string) => void
  /** Says that all of it ends, processes too. */
  signal?: AbortSignal | undefined
}

/** Injects faults as scheduled, and puts everything right at the end. */
export function injectorOf({ shop, cables, mail, poison, onProgress, signal }: Tools) {
  const injected: Injected[] = []
  const under = new Map<Victim, Promise<void>>()
  const stopping = new AbortController()

  /** Waits, or until all is to be put right. */
  const wait = (ms: number): Promise<void> => pause(ms, undefined, { signal: stopping.signal }).catch(() => {})

  /** Starts a process until it works: what it needs may be away at the moment. */
  async function revive(on: Victim): Promise<void> {
    for (const deadline = Date.now() + 90_000; ;)
      try {
        return await shop.processes[on]!.restart()
      } catch (error) {
        if (signal?.aborted) return // all of it ends
        if (Date.now() > deadline) throw error
        onProgress(
          `${on} did not start, once more: ${String(error).trimEnd().split('\n').at(-1)!.trim().slice(0, 300)}`,
        )
      }
  }

  const acts: Record<Wrong['what'], (fault: Fault) => Promise<void>> = {
    kill: async ({ on, lasts }) => {
      const victim = on as Victim
      await shop.processes[victim]!.kill('SIGKILL')
      await wait(lasts)
      await revive(victim)
    },
    freeze: async ({ on, lasts }) => {
      const process = shop.processes[on as ProcessName]!
      const pid = process.pid()
      await process.kill('SIGSTOP')
      await wait(lasts)
      // One that was killed in its sleep needs no waking.
      if (process.pid() === pid) await process.kill('SIGCONT')
    },
    cut: trouble,
    silent: trouble,
    slow: trouble,
    deaf: trouble,
    busy: mood,
    refusing: mood,
    hanging: mood,
    dropping: mood,
    poison: ({ on, at }) => poison(`poison ${at}`, poisons[on as Poison]),
  }

  async function trouble({ what, on, lasts }: Fault): Promise<void> {
    const cable = cables.get(on as CableName)!
    cable.trouble(what as Trouble)
    await wait(lasts)
    cable.mend()
  }

  async function mood({ what, lasts }: Fault): Promise<void> {
    mail.feel(what as Mood)
    await wait(lasts)
    mail.feel(undefined)
  }

  async function inject(fault: Fault): Promise<void> {
    const victim = fault.what === 'kill' ? fault.on : undefined
    // Still coming back from the last time, or not there to be put to sleep.
    if (victim !== undefined && under.has(victim)) return
    if (fault.what === 'freeze' && shop.processes[fault.on]!.pid() === undefined) return
    const entry: Injected = { ...fault, began: Date.now(), over: undefined }
    injected.push(entry)
    const work = acts[fault.what](fault).finally(() => {
      entry.over = Date.now()
      if (victim !== undefined) under.delete(victim)
    })
    if (victim !== undefined) under.set(victim, work)
    await work
  }

  return {
    injected,
    /**
     * Injects what is scheduled, each at its time or, on a machine that is slow to bring back what was killed, later;
     * resolves when all is over and everything works again.
     */
    run: async (schedule: Fault[]): Promise<void> => {
      const start = Date.now()
      const failures: unknown[] = []
      const lanes = Object.values(Object.groupBy(schedule, ({ what }) => (what === 'kill' ? 'kills' : 'others')))
      const follow = async (faults: Fault[]): Promise<void> => {
        const all: Promise<void>[] = []
        for (const fault of faults) {
          await wait(start + fault.at - Date.now())
          while (fault.what === 'kill' && under.size >= AT_ONCE) await Promise.race(under.values()).catch(() => {})
          if (stopping.signal.aborted) break
          all.push(inject(fault).catch((error: unknown) => void failures.push(error)))
        }
        await Promise.all(all)
      }
      await Promise.all(lanes.map(follow))
      if (failures.length > 0) throw failures[0]
    },
    /** Ends what is going on; `run` then resolves. */
    stop: (): void => stopping.abort(),
  }
}
