import { setTimeout as pause } from 'node:timers/promises'
import {
  sessionOf,
  type Account,
  type Client,
  type Door,
  type Line,
  type Outcome,
  type SeenOrder,
  type Session,
} from './client.ts'
import type { Diary } from './diary.ts'
import type { Random } from './random.ts'

/** What is on sale: one product that everyone wants, some of which there are few, and many plain ones. */
export type Shelf = { hot: string; scarce: string[]; plain: string[]; opening: Map<string, number> }

/** The news that there are some of a scarce product again: all that listen hear it at once. */
export type Rush = ReturnType<typeof newRush>

export function newRush() {
  let { promise, resolve } = Promise.withResolvers<string>()
  return {
    /** Resolves with the product of the next rush. */
    next: (): Promise<string> => promise,
    begin: (productId: string): void => {
      resolve(productId)
      ;({ promise, resolve } = Promise.withResolvers<string>())
    },
  }
}

export type Person = { name: string; account: Account; session: Session }

type Actor = {
  client: Client
  diary: Diary
  random: Random
  /** What is done in a rush has its own chance, as nobody knows when one comes. */
  rushed: Random
  shelf: Shelf
  rush: Rush
  /** Whether it is time to go home. */
  over: () => boolean
}

/** How long an actor looks around between two things, in milliseconds. */
const THINKING: [low: number, high: number] = [50, 450]

const doors: readonly Door[] = ['REST', 'GraphQL']

/** Signs people up before anything is broken, and fills the shelf. */
export async function prepare(
  { client, random }: Pick<Actor, 'client' | 'random'>,
  adminAccount: Account,
  buyers: number,
): Promise<{ people: Person[]; admin: Session; shelf: Shelf }> {
  const admin = sessionOf(await done('an admin signs in', () => client.signIn(adminAccount)))
  const people: Person[] = []
  for (let i = 0; i < buyers; i++) {
    const name = `Buyer ${i}`
    const account = { email: `${random.name()}@example.test`, password: `${random.name()} torture` }
    people.push({
      name,
      account,
      session: sessionOf(await done(`${name} signs up`, () => client.register(name, account))),
    })
  }
  const opening = new Map<string, number>()
  const make = async (name: string, stock: number): Promise<string> => {
    const product = { name, price: random.between(1, 5000) / 100, category: 'Torture', stock }
    const { id } = await done(`${name} is put on sale`, () => client.createProduct(admin, product))
    opening.set(id, stock)
    return id
  }
  const hot = await make('Hot', buyers * 2)
  const scarce = await many(4, (i) => make(`Scarce ${i}`, random.between(0, 2)))
  const plain = await many(24, (i) => make(`Plain ${i}`, random.between(100, 2000)))
  return { people, admin, shelf: { hot, scarce, plain, opening } }
}

/** Does something of the preparation until it is done; the shop is whole, so only a limit of its own may be in the way. */
async function done<T>(what: string, act: () => Promise<Outcome<T>>): Promise<T> {
  for (let tries = 0; ; tries++) {
    const outcome = await act()
    if (outcome.kind === 'done') return outcome.value
    if (tries === 30 || (outcome.kind === 'refused' && outcome.code !== 'RATE_LIMITED'))
      throw new Error(`${what}: ${JSON.stringify(outcome)}`)
    await pause(1000)
  }
}

async function many<T>(count: number, make: (i: number) => Promise<T>): Promise<T[]> {
  const made: T[] = []
  for (let i = 0; i < count; i++) made.push(await make(i))
  return made
}

/** How long people wait before they try a door again that was shut, in milliseconds. */
const SHUT_OUT = 500

/** A buyer, until it is over: orders in all the ways that are trouble for a shop, and now and then cancels or looks. */
export async function buy(actor: Actor, person: Person): Promise<void> {
  const { random, over, rush } = actor
  const mine: string[] = []
  while (!over()) {
    const wanted = await Promise.race([pause(random.between(...THINKING)), rush.next()])
    if (wanted !== undefined) {
      if (actor.rushed.chance(0.8)) mine.push(...(await inRush(actor, person.session, wanted)))
      continue
    }
    switch (random.weighted({ order: 72, cancel: 12, look: 12, signIn: 4 })) {
      case 'order':
        mine.push(...(await order(actor, person.session)))
        break
      case 'cancel':
        if (mine.length > 0) await cancel(actor, person.session, random.pick(mine.slice(-6)))
        break
      case 'look':
        if (mine.length > 0) await look(actor, person.session, random.pick(mine))
        break
      case 'signIn':
        await signIn(actor, person)
        break
    }
  }
}

/** Orders a basket; gives back the ids of what was placed, as far as the buyer got to know. */
async function order(actor: Actor, session: Session): Promise<string[]> {
  const { random } = actor
  const lines = basketOf(actor)
  const key = random.chance(0.85) ? random.name() : undefined
  const way = key === undefined ? 'once' : random.weighted({ once: 60, twice: 20, atOnce: 20 })
  const tries = way === 'atOnce' ? random.between(2, 3) : 1
  // Drawn beforehand, so that the answers do not shift what comes next.
  const taken = Array.from({ length: 8 }, () => random.pick(doors))
  const stubborn = random.chance(0.6)
  const again = random.between(100, 1200)

  const attempts = await Promise.all(taken.slice(0, tries).map((door) => place(actor, session, { lines, key, door })))
  if (way === 'twice') attempts.push(await place(actor, session, { lines, key, door: taken[4]! }))
  // A buyer who was told nothing certain asks again with the same key, or leaves it to the end.
  for (let i = 5; i < 8 && key !== undefined && stubborn && !attempts.some(isDone); i++) {
    if (!attempts.some(({ kind }) => kind === 'unclear')) break
    await pause(again)
    attempts.push(await place(actor, session, { lines, key, door: taken[i]! }))
  }
  return attempts.flatMap((outcome) => (outcome.kind === 'done' ? [outcome.value.id] : []))
}

/** One or two of what there are some of again, at the same moment as everyone else. */
async function inRush(actor: Actor, session: Session, productId: string): Promise<string[]> {
  const { rushed } = actor
  const lines = [{ productId, quantity: rushed.between(1, 2) }]
  const outcome = await place(actor, session, { lines, key: rushed.name(), door: rushed.pick(doors) })
  return outcome.kind === 'done' ? [outcome.value.id] : []
}

const isDone = ({ kind }: Outcome<unknown>): boolean => kind === 'done'

/** Tries once to place an order, and writes down what came of it. */
export async function place(
  { client, diary }: Pick<Actor, 'client' | 'diary'>,
  session: Session,
  wish: { lines: Line[]; key: string | undefined; door: Door },
): Promise<Outcome<SeenOrder>> {
  const from = Date.now()
  const outcome = await client.place(session, wish)
  diary.notePlacing({ ...wish, userId: session.userId, from, to: Date.now(), outcome })
  if (outcome.kind === 'unclear' && outcome.why === 'ECONNREFUSED') await pause(SHUT_OUT)
  return outcome
}

function basketOf({ random, shelf: { hot, scarce, plain } }: Actor): Line[] {
  const line = (productId: string, most: number): Line => ({ productId, quantity: random.between(1, most) })
  switch (random.weighted({ hot: 35, scarce: 20, mixed: 45 })) {
    case 'hot':
      return [line(hot, 3)]
    case 'scarce':
      return [line(random.pick(scarce), 2), ...(random.chance(0.5) ? [line(random.pick(plain), 3)] : [])]
    case 'mixed': {
      const lines = Array.from({ length: random.between(1, 5) }, () => line(random.pick(plain), 3)) // some name one twice
      return random.chance(0.3) ? [...lines, line(hot, 2)] : lines
    }
  }
}

async function cancel({ client, diary, random }: Actor, session: Session, id: string): Promise<void> {
  const door = random.pick(doors)
  const from = Date.now()
  const outcome = await client.cancel(session, { id, door })
  diary.noteMoving({ orderId: id, status: 'Annulée', by: 'owner', door, from, to: Date.now(), outcome })
}

/** An order that was answered 201 is there, at once and always. */
async function look({ client, diary }: Actor, session: Session, id: string): Promise<void> {
  const outcome = await client.read(session, id)
  diary.count('look at one’s order', outcome)
  if (outcome.kind === 'refused')
    diary.wrong('an order that was accepted is there', `order ${id}`, '200 for its owner', outcome.code)
}

async function signIn({ client, diary }: Actor, person: Person): Promise<void> {
  const outcome = await client.signIn(person.account)
  diary.count('sign in', outcome)
  if (outcome.kind === 'done') person.session = sessionOf(outcome.value)
  else if (outcome.kind === 'refused' && outcome.code !== 'RATE_LIMITED')
    diary.wrong('the right password signs in', person.name, '200', outcome.code)
}

const next: Record<string, string> = { Reçue: 'Confirmée', Confirmée: 'Préparée', Préparée: 'Livrée' }
const statuses = ['Reçue', 'Confirmée', 'Préparée', 'Livrée', 'Annulée']

/** An admin, until it is over: moves orders on, two at once now and then, counts stock anew, has letters sent again. */
export async function administer(actor: Actor, session: Session): Promise<void> {
  const { random, over, diary, shelf, rush } = actor
  while (!over()) {
    await pause(random.between(...THINKING))
    const what = random.weighted({ move: 54, rivals: 18, adjust: 12, sale: 12, resend: 4 })
    const age = random.between(1, 40)
    if (what === 'adjust') {
      const productId = random.pick([shelf.hot, ...shelf.scarce, ...shelf.scarce, random.pick(shelf.plain)])
      await adjust(actor, session, productId)
      continue
    }
    if (what === 'sale') {
      const productId = random.pick(shelf.scarce)
      await adjust(actor, session, productId, random.between(2, 4))
      rush.begin(productId)
      continue
    }
    const orders = [...diary.placed.values()]
    const order = orders.at(-Math.min(age, orders.length))
    if (order === undefined) continue
    if (what === 'resend') await resend(actor, session, order.id)
    else {
      const onward = random.chance(0.85) ? (next[order.status] ?? 'Livrée') : random.pick(statuses)
      const rival = random.pick([onward, 'Annulée', 'Confirmée'])
      const moves = [onward, ...(what === 'rivals' ? [rival] : [])].map((status) => ({
        status,
        door: random.pick(doors),
      }))
      await Promise.all(moves.map((wish) => move(actor, session, order, wish)))
    }
  }
}

async function move(
  { client, diary }: Actor,
  session: Session,
  order: SeenOrder,
  { status, door }: { status: string; door: Door },
): Promise<void> {
  const from = Date.now()
  const outcome = await client.move(session, { id: order.id, status, door })
  diary.noteMoving({ orderId: order.id, status, by: 'admin', door, from, to: Date.now(), outcome })
  if (outcome.kind === 'unclear' && outcome.why === 'ECONNREFUSED') await pause(SHUT_OUT)
  if (outcome.kind === 'done') order.status = outcome.value.status // what this shop's admins know of it
  if (outcome.kind === 'refused' && outcome.code === 'NOT_FOUND')
    diary.wrong('an order that was accepted is there', `order ${order.id}`, '200 for an admin', outcome.code)
}

async function adjust(
  { client, diary, random }: Actor,
  session: Session,
  productId: string,
  delta = random.chance(0.75) ? random.between(1, 6) : -random.between(1, 3),
): Promise<void> {
  const reason = `counted again, ${random.name()}`
  const door = random.pick(doors)
  const from = Date.now()
  const outcome = await client.adjust(session, { productId, delta, reason, door })
  diary.noteAdjusting({ productId, delta, reason, door, from, to: Date.now(), outcome })
}

async function resend({ client, diary }: Actor, session: Session, orderId: string): Promise<void> {
  const letters = await client.letters(session, orderId)
  const letterId = letters.kind === 'done' ? letters.value.items[0]?.id : undefined
  if (letterId === undefined) return
  const from = Date.now()
  const outcome = await client.resend(session, letterId)
  diary.noteResending({ letterId, from, to: Date.now(), outcome })
}
