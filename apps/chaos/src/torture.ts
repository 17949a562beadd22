import { cp, mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { differencesIn } from '@halles/audit'
import { config, plainError } from '@halles/servers'
import { startShop, type Shop } from '@halles/servers/shop'
import { eyesOn, type AllBooks, type Longest } from './books.ts'
import { administer, buy, newRush, place, prepare, type Person } from './buyers.ts'
import { layCable, type Cable } from './cables.ts'
import { findingsIn } from './checks.ts'
import { clientOf, type Client } from './client.ts'
import { newDiary, type Diary, type Finding, type Placing } from './diary.ts'
import { cableNames, injectorOf, scheduleOf, type CableName, type Fault, type Injected } from './faults.ts'
import { mailServer, type Handed } from './mail-server.ts'
import { environmentFor, type PlantName } from './plants.ts'
import { randomOf } from './random.ts'

export { plants, type PlantName } from './plants.ts'

export type Wish = {
  buyers: number
  /** For how long they buy and things go wrong, in seconds. */
  seconds: number
  /** What buyers choose and what goes wrong is by this; what happens at the same moment is not. */
  seed: number
  /** What goes wrong, and when, in place of what the seed says. */
  faults?: Fault[]
  /** Bugs to plant: what the torture must find. */
  plants?: readonly PlantName[]
  /** Where a run with findings keeps what it has; left out, nowhere. */
  keep?: string
  onProgress?: (line: string) => void
  /** Ends it early, without judging. */
  signal?: AbortSignal
}

/** What was done, what went wrong on purpose, and what does not hold. */
export type Result = {
  wish: Pick<Wish, 'buyers' | 'seconds' | 'seed'>
  /** When the buyers began, in milliseconds since 1970. */
  began: number
  schedule: Fault[]
  injected: readonly Injected[]
  diary: Diary
  handed: readonly Handed[]
  books: AllBooks
  /** The order that was longest on its way, or its undoing. */
  longest: Longest
  /** How long it took until all was quiet, in milliseconds. */
  quietAfter: number
  findings: Finding[]
  /** The folder that keeps a run with findings. */
  kept: string | undefined
}

/** How many admins are at work. */
const ADMINS = 3
/** What a request that was answered 503 or 504 may take to be finished or undone, in milliseconds. */
const FINISHED_WITHIN = 60_000
/** How long quiet is waited for, in milliseconds: a letter in the hands of a killed instance has a lease. */
const QUIET_WITHIN = 150_000
/** Of the keys that were answered, so many are asked again in the end; of the others all. */
const ASKED_AGAIN = 60

/**
 * A shop with two order-services and two notification-services, buyers and admins in it, and faults by the seed; then,
 * when all is whole and quiet again, what must hold.
 *
 * @throws Error when the shop does not start, or does not come back to life.
 */
export async function torture(wish: Wish): Promise<Result> {
  const { buyers, seconds, seed, plants = [], keep, onProgress = () => {}, signal } = wish
  const { mongodb, kafka } = config().given
  if (mongodb !== undefined || kafka !== undefined)
    throw plainError('A torture kills its servers: start it without MONGODB_URL and KAFKA_BROKERS.')
  const diary = newDiary()
  const mail = await mailServer()
  const cables = new Map<CableName, Cable>()
  const watching = new AbortController()
  let shop: Shop | undefined
  let eyes: ReturnType<typeof eyesOn> | undefined
  try {
    shop = await startShop({
      instances: { order: 2, notification: 2 },
      given: { smtp: mail.url },
      cable: async (from, to) => {
        const name = cableNames.find((one) => one === `${from}→${to}`)
        if (name !== undefined) cables.set(name, await layCable(name))
        return name && cables.get(name)
      },
      env: environmentFor(plants),
      onProgress,
      onCrash: (message) => diary.wrong('process-ended-by-itself', 'a service', 'alive until killed', message),
      signal,
    })
    const client = clientOf(shop.running.gateway, diary)
    const { people, admin, shelf } = await prepare(
      { client, random: randomOf(seed, 'preparation') },
      shop.running.accounts.admin,
      buyers,
    )
    eyes = eyesOn(shop.running)
    await eyes.open()
    onProgress(`${buyers} buyers for ${seconds} s, seed ${seed}`)

    const schedule = wish.faults ?? scheduleOf(seed, seconds)
    const { poison } = eyes
    const injector = injectorOf({ shop, cables, mail, poison, onProgress, signal })
    const longest = eyes.watchIntents(watching.signal)
    const began = Date.now()
    const over = (): boolean => Date.now() - began > seconds * 1000 || (signal?.aborted ?? false)
    const rush = newRush()
    const actor = (name: string) => {
      const [random, rushed] = [randomOf(seed, name), randomOf(seed, `${name} in a rush`)]
      return { client, diary, shelf, rush, over, random, rushed }
    }
    const injecting = injector.run(schedule)
    setTimeout(injector.stop, seconds * 1000).unref()
    await Promise.all([
      ...people.map((person) => buy(actor(person.name), person)),
      ...Array.from({ length: ADMINS }, (_, i) => administer(actor(`Admin ${i}`), admin)),
    ])
    injector.stop()
    const loaded = Date.now()
    onProgress(`${diary.placed.size} orders placed, ${injector.injected.length} faults; waiting for quiet`)
    await injecting
    signal?.throwIfAborted()
    const left = await eyes.untilQuiet(QUIET_WITHIN, signal)
    const quietAfter = Date.now() - loaded

    onProgress(`Quiet after ${(quietAfter / 1000).toFixed(1)} s; asking the keys`)
    await askKeys({ client, diary, people, random: randomOf(seed, 'keys'), standing: await eyes.keys() })
    left.push(...(await eyes.untilQuiet(QUIET_WITHIN, signal)))
    watching.abort()
    signal?.throwIfAborted()

    const books = await eyes.read()
    const { injected } = injector
    const findings = [
      ...diary.findings,
      ...left.map((what) => ({ rule: 'not-quiet', subject: 'the shop', expected: 'nothing under way', found: what })),
      ...lateIn(await longest),
      ...differencesIn(books, { asOf: 'quiet' }),
      ...findingsIn({ books, diary, handed: mail.handed, injected, shelf }),
    ]
    const result: Result = {
      wish: { buyers, seconds, seed },
      began,
      schedule,
      injected,
      diary,
      handed: mail.handed,
      books,
      longest: await longest,
      quietAfter,
      findings,
      kept: undefined,
    }
    if (findings.length > 0 && keep !== undefined) result.kept = await keepRun(keep, shop, result)
    return result
  } finally {
    watching.abort()
    await eyes?.close()
    await shop?.stop()
    await Promise.all([...cables.values()].map((cable) => cable.close()))
    await mail.close()
  }
}

function lateIn({ ms, orderId, status }: Longest): Finding[] {
  if (ms <= FINISHED_WITHIN) return []
  const found = `${status} for ${Math.round(ms / 1000)} s`
  return [
    { rule: 'unfinished-too-long', subject: `order ${orderId}`, expected: 'finished or undone within 60 s', found },
  ]
}

/**
 * Asks once more under every key of which no one knows what became, and under some others: each tells, by the order that
 * it stands for or by a new one, and never that it is under way.
 */
async function askKeys({
  client,
  diary,
  people,
  random,
  standing,
}: {
  client: Client
  diary: Diary
  people: Person[]
  random: ReturnType<typeof randomOf>
  standing: Map<string, string>
}): Promise<void> {
  const byKey = Map.groupBy(
    diary.placings.filter(({ key }) => key !== undefined),
    ({ userId, key }) => `${userId}/${key}`,
  )
  const isAnswered = (placings: Placing[]): boolean => placings.some(({ outcome }) => outcome.kind === 'done')
  const isUnclear = (placings: Placing[]): boolean =>
    !isAnswered(placings) && placings.some(({ outcome }) => outcome.kind === 'unclear')
  const keys = [...byKey]
  const asked = [
    ...keys.filter(([, placings]) => isUnclear(placings)),
    ...random.shuffled(keys.filter(([, placings]) => isAnswered(placings))).slice(0, ASKED_AGAIN),
  ]
  const sessions = new Map(people.map(({ session }) => [session.userId, session]))

  const ask = async ([name, [first, ...more]]: [string, Placing[]]): Promise<void> => {
    const { userId, key, lines } = first!
    let outcome = await place({ client, diary }, sessions.get(userId)!, { lines, key, door: 'REST' })
    for (let tries = 0; outcome.kind === 'unclear' && tries < 3; tries++)
      outcome = await place({ client, diary }, sessions.get(userId)!, { lines, key, door: 'REST' })
    const known =
      standing.get(name) ??
      [first!, ...more].flatMap((one) => (one.outcome.kind === 'done' ? [one.outcome.value.id] : []))[0]
    const found = outcome.kind === 'done' ? outcome.value.id : JSON.stringify(outcome)
    const isTold = outcome.kind !== 'unclear' && !(outcome.kind === 'refused' && outcome.code === 'IN_PROGRESS')
    if (known !== undefined ? found !== known : !isTold)
      diary.wrong(
        'key-does-not-tell',
        `user and key ${name}`,
        known ?? 'an order, or a reason why there is none',
        found,
      )
  }
  const queue = asked.values()
  const work = async (): Promise<void> => {
    for (const one of queue) await ask(one)
  }
  await Promise.all(Array.from({ length: 8 }, work))
}

/** Keeps what a run leaves: the logs of all processes, the books, the diary, the mailbox. */
async function keepRun(folder: string, { logs }: Shop, result: Result): Promise<string> {
  const { seed } = result.wish
  const kept = path.join(folder, `seed-${seed}-${new Date(result.began).toISOString().replaceAll(':', '-')}`)
  await mkdir(kept, { recursive: true })
  await cp(logs, path.join(kept, 'logs'), { recursive: true })
  for (const file of ['mongodb/mongod.log', 'kafka/kafka.log'])
    await cp(path.join(logs, '..', file), path.join(kept, 'logs', path.basename(file))).catch(() => {}) // in a container
  const { placings, movings, adjustings, resendings } = result.diary
  const papers = {
    findings: result.findings,
    injected: result.injected,
    schedule: result.schedule,
    books: { ...result.books, copies: [...result.books.copies] },
    diary: { placings, movings, adjustings, resendings },
    mailbox: result.handed,
  }
  for (const [name, paper] of Object.entries(papers))
    await writeFile(path.join(kept, `${name}.json`), `${JSON.stringify(paper, null, 1)}\n`)
  return kept
}
