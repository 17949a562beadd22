import { setTimeout as pause } from 'node:timers/promises'
import { apis, pauseIfRefused, THINK_TIME, type Actor } from './actor.ts'
import { renewSession, signIn, type User } from './sessions.ts'
import type { Api, Line, Outcome, SeenOrder, Session } from './shop-client.ts'

/** Simulates a buyer until the load ends: places orders, mostly under idempotency keys, cancels, reads and signs in. */
export async function simulateBuyer(actor: Actor, buyer: User): Promise<void> {
  const { random, isOver, flashSales } = actor
  const ownOrders: string[] = []
  while (!isOver()) {
    const onSale = await Promise.race([pause(random.between(...THINK_TIME)), flashSales.next()])
    await renewSession(actor, buyer)
    if (onSale !== undefined) {
      if (actor.saleRandom.chance(0.8)) ownOrders.push(...(await orderOnSale(actor, buyer.session, onSale)))
      continue
    }
    switch (random.weighted({ order: 72, cancel: 12, read: 12, signIn: 4 })) {
      case 'order':
        ownOrders.push(...(await orderBasket(actor, buyer.session)))
        break
      case 'cancel':
        if (ownOrders.length > 0) await cancelOrder(actor, buyer.session, random.pick(ownOrders.slice(-6)))
        break
      case 'read':
        if (ownOrders.length > 0) await readOrder(actor, buyer.session, random.pick(ownOrders))
        break
      case 'signIn':
        await signIn(actor, buyer)
        break
    }
  }
}

/** Orders a basket: once, twice in a row, or concurrently. Returns the ids of the orders that a response confirmed. */
async function orderBasket(actor: Actor, session: Session): Promise<string[]> {
  const { random } = actor
  const lines = createBasket(actor)
  const key = random.chance(0.85) ? random.id() : undefined
  const mode = key === undefined ? 'once' : random.weighted({ once: 60, twice: 20, concurrently: 20 })
  const concurrency = mode === 'concurrently' ? random.between(2, 3) : 1
  // All values are drawn first: what responses bring must not shift the values that follow.
  const chosenApis = Array.from({ length: 8 }, () => random.pick(apis))
  const retries = random.chance(0.6)
  const retryPause = random.between(100, 1200)

  const outcomes = await Promise.all(
    chosenApis.slice(0, concurrency).map((api) => placeOrder(actor, session, { lines, key, api })),
  )
  if (mode === 'twice') outcomes.push(await placeOrder(actor, session, { lines, key, api: chosenApis[4]! }))
  // After an unknown outcome some buyers retry with the same key; the others leave it to the check of all keys at the end.
  for (let i = 5; i < 8 && key !== undefined && retries && !outcomes.some(isSuccess); i++) {
    if (!outcomes.some(({ kind }) => kind === 'unknown')) break
    await pause(retryPause)
    outcomes.push(await placeOrder(actor, session, { lines, key, api: chosenApis[i]! }))
  }
  return outcomes.flatMap((outcome) => (outcome.kind === 'success' ? [outcome.value.id] : []))
}

/** Orders one or two of a product on sale, at the same moment as the other buyers. */
async function orderOnSale(actor: Actor, session: Session, productId: string): Promise<string[]> {
  const { saleRandom } = actor
  const lines = [{ productId, quantity: saleRandom.between(1, 2) }]
  const outcome = await placeOrder(actor, session, { lines, key: saleRandom.id(), api: saleRandom.pick(apis) })
  return outcome.kind === 'success' ? [outcome.value.id] : []
}

const isSuccess = ({ kind }: Outcome<unknown>): boolean => kind === 'success'

/** Sends one request for an order and records it in the run log. */
export async function placeOrder(
  { client, runLog }: Pick<Actor, 'client' | 'runLog'>,
  session: Session,
  input: { lines: Line[]; key: string | undefined; api: Api },
): Promise<Outcome<SeenOrder>> {
  const from = Date.now()
  const outcome = await client.placeOrder(session, input)
  runLog.recordPlaceOrder({ ...input, userId: session.userId, from, to: Date.now(), outcome })
  await pauseIfRefused(outcome)
  return outcome
}

function createBasket({ random, catalogue: { hot, scarce, plain } }: Actor): Line[] {
  const line = (productId: string, most: number): Line => ({ productId, quantity: random.between(1, most) })
  switch (random.weighted({ hot: 35, scarce: 20, mixed: 45 })) {
    case 'hot':
      return [line(hot, 3)]
    case 'scarce':
      return [line(random.pick(scarce), 2), ...(random.chance(0.5) ? [line(random.pick(plain), 3)] : [])]
    case 'mixed': {
      // The same product may appear on two lines.
      const lines = Array.from({ length: random.between(1, 5) }, () => line(random.pick(plain), 3))
      return random.chance(0.3) ? [...lines, line(hot, 2)] : lines
    }
  }
}

async function cancelOrder({ client, runLog, random }: Actor, session: Session, id: string): Promise<void> {
  const api = random.pick(apis)
  const from = Date.now()
  const outcome = await client.cancelOrder(session, { id, api })
  runLog.recordChangeStatus({ orderId: id, status: 'Annulée', by: 'owner', api, from, to: Date.now(), outcome })
}

/** Reads an order that a 201 confirmed: it must be readable at once and always. */
async function readOrder({ client, runLog }: Actor, session: Session, id: string): Promise<void> {
  const outcome = await client.readOrder(session, id)
  runLog.count('read own order', outcome)
  if (outcome.kind === 'rejected')
    runLog.reportViolation({
      rule: 'accepted-order-not-readable',
      subject: `order ${id}`,
      expected: '200 for its owner',
      found: outcome.code,
    })
}
