import { placeOrder } from '../load/buyer.ts'
import type { User } from '../load/sessions.ts'
import type { ShopClient } from '../load/shop-client.ts'
import type { Random } from '../random.ts'
import type { PlaceOrderRequest, RunLog } from '../run-log.ts'

/** How many idempotency keys with a known result are sent again at the end, besides all keys without one. */
const REPEATED_KEYS = 60
/** How many keys are sent at the same time, and how often a request with an unknown outcome is sent again. */
const KEY_CONCURRENCY = 8
const KEY_RETRIES = 3

/**
 * Sends a request again under every idempotency key whose result no client knows, and under some of the others. Each must
 * return the order of its key, or a new one or a rejection if the key has none; `IN_PROGRESS` is a violation.
 *
 * @param deps.storedOrders the order ids by key, `<user id>/<key>`
 */
export async function checkIdempotencyKeys({
  client,
  runLog,
  buyers,
  random,
  storedOrders,
}: {
  client: ShopClient
  runLog: RunLog
  buyers: User[]
  random: Random
  storedOrders: Map<string, string>
}): Promise<void> {
  const requestsByKey = Map.groupBy(
    runLog.placeOrderRequests.filter(({ key }) => key !== undefined),
    ({ userId, key }) => `${userId}/${key}`,
  )
  const hasSuccess = (requests: PlaceOrderRequest[]): boolean =>
    requests.some(({ outcome }) => outcome.kind === 'success')
  const isUnknown = (requests: PlaceOrderRequest[]): boolean =>
    !hasSuccess(requests) && requests.some(({ outcome }) => outcome.kind === 'unknown')
  const keys = [...requestsByKey]
  const selected = [
    ...keys.filter(([, requests]) => isUnknown(requests)),
    ...random.shuffled(keys.filter(([, requests]) => hasSuccess(requests))).slice(0, REPEATED_KEYS),
  ]
  const sessions = new Map(buyers.map(({ session }) => [session.userId, session]))

  const checkKey = async ([name, requests]: [string, PlaceOrderRequest[]]): Promise<void> => {
    const { userId, key, lines } = requests[0]!
    const repeat = () => placeOrder({ client, runLog }, sessions.get(userId)!, { lines, key, api: 'REST' })
    let outcome = await repeat()
    for (let tries = 0; outcome.kind === 'unknown' && tries < KEY_RETRIES; tries++) outcome = await repeat()
    const expected =
      storedOrders.get(name) ??
      requests.flatMap((request) => (request.outcome.kind === 'success' ? [request.outcome.value.id] : []))[0]
    const found = outcome.kind === 'success' ? outcome.value.id : JSON.stringify(outcome)
    const isResult = outcome.kind !== 'unknown' && !(outcome.kind === 'rejected' && outcome.code === 'IN_PROGRESS')
    if (expected !== undefined ? found !== expected : !isResult)
      runLog.reportViolation({
        rule: 'key-without-result',
        subject: `user and key ${name}`,
        expected: expected ?? 'an order, or the reason why there is none',
        found,
      })
  }
  const queue = selected.values()
  const work = async (): Promise<void> => {
    for (const entry of queue) await checkKey(entry)
  }
  await Promise.all(Array.from({ length: KEY_CONCURRENCY }, work))
}
