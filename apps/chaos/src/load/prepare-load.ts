import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../random.ts'
import type { RunLog } from '../run-log.ts'
import type { User } from './sessions.ts'
import { toSession, type Account, type Outcome, type ShopClient } from './shop-client.ts'

/**
 * The products of the run: one that everyone buys, some with little stock, and many with enough.
 * `openingStock` has the stock of each at the start, by product id.
 */
export type Catalogue = { hot: string; scarce: string[]; plain: string[]; openingStock: Map<string, number> }

/** For how long the opening stock of the plain products is meant, in seconds. A longer run gets more. */
const STOCK_DURATION = 60

/**
 * Signs the admins in, registers the buyers and creates the products. Runs before the first fault.
 *
 * @throws Error when the shop rejects a request or keeps failing for half a minute
 */
export async function prepareLoad(
  { client, random, runLog }: { client: ShopClient; random: Random; runLog: RunLog },
  adminAccount: Account,
  { adminCount, buyerCount, seconds }: { adminCount: number; buyerCount: number; seconds: number },
): Promise<{ buyers: User[]; admins: User[]; catalogue: Catalogue }> {
  const admins: User[] = []
  for (let i = 0; i < adminCount; i++) {
    const session = toSession(await untilSuccess('sign in the admin', () => client.signIn(adminAccount)))
    admins.push({ name: `Admin ${i}`, account: adminAccount, session })
  }
  const buyers: User[] = []
  for (let i = 0; i < buyerCount; i++) {
    const name = `Buyer ${i}`
    const account = { email: `${random.id()}@example.test`, password: `${random.id()} chaos` }
    const session = toSession(
      await untilSuccess(`register ${name}`, async () => {
        const from = Date.now()
        const outcome = await client.register(name, account)
        const recipient = account.email
        runLog.recordAccountRequest({ account: name, action: 'register', recipient, from, to: Date.now(), outcome })
        return outcome
      }),
    )
    runLog.userIds.set(name, session.userId)
    buyers.push({ name, account, session })
  }
  const openingStock = new Map<string, number>()
  const createProduct = async (name: string, stock: number): Promise<string> => {
    const product = { name, price: random.between(1, 5000) / 100, category: 'Chaos', stock }
    const { id } = await untilSuccess(`create product ${name}`, () => client.createProduct(admins[0]!.session, product))
    openingStock.set(id, stock)
    return id
  }
  const hot = await createProduct('Hot', buyerCount * 2)
  const scarce: string[] = []
  for (let i = 0; i < 4; i++) scarce.push(await createProduct(`Scarce ${i}`, random.between(0, 2)))
  const plain: string[] = []
  const stockFactor = Math.max(1, Math.ceil(seconds / STOCK_DURATION))
  for (let i = 0; i < 24; i++) plain.push(await createProduct(`Plain ${i}`, random.between(100, 2000) * stockFactor))
  return { buyers, admins, catalogue: { hot, scarce, plain, openingStock } }
}

/** Repeats a request until it succeeds. No fault is injected yet, so only the shop's rate limits may delay it. */
async function untilSuccess<T>(what: string, send: () => Promise<Outcome<T>>): Promise<T> {
  for (let tries = 0; ; tries++) {
    const outcome = await send()
    if (outcome.kind === 'success') return outcome.value
    if (tries === 30 || (outcome.kind === 'rejected' && outcome.code !== 'RATE_LIMITED'))
      throw new Error(`Could not ${what}: ${JSON.stringify(outcome)}`)
    await pause(1000)
  }
}
