import type { Line, SeenOrder } from './client.ts'
import type { AllBooks } from './books.ts'
import type { Diary, Finding, Placing } from './diary.ts'
import type { Injected } from './faults.ts'
import type { Handed } from './mail-server.ts'
import type { Shelf } from './buyers.ts'

/** All that is known in the end. */
export type Evidence = {
  books: AllBooks
  diary: Diary
  /** Every letter that the mail server was handed. */
  handed: readonly Handed[]
  injected: readonly Injected[]
  shelf: Shelf
}

type Found = Omit<Finding, 'rule'>
type Check = { rule: string; find: (evidence: Evidence, view: View) => Iterable<Found> }

/**
 * What must hold between what clients saw and what the books and the mailbox say. What the books must be by themselves is
 * the auditor's work (packages/audit).
 */
export const checks: readonly Check[] = [
  {
    rule: 'accepted-order-lost',
    *find({ diary }, { orderOf }) {
      for (const placing of diary.placings) {
        if (placing.outcome.kind !== 'done') continue
        const { value } = placing.outcome
        const order = orderOf.get(value.id)
        const subject = `order ${value.id}, answered at ${time(placing.to)} by ${placing.door}`
        if (!order) yield { subject, expected: 'an order', found: 'none' }
        else {
          const wrong = differs(
            {
              lines: inWords(placing.lines),
              by: placing.userId,
              key: placing.key,
              total: value.total,
              number: value.number,
            },
            {
              lines: inWords(order.items),
              by: order.userId,
              key: order.idem?.key,
              total: order.total,
              number: order.number,
            },
          )
          if (wrong) yield { subject, ...wrong }
        }
      }
    },
  },
  {
    rule: 'answer-not-in-history',
    *find({ diary }, { historyOf }) {
      for (const { outcome } of diary.placings)
        if (outcome.kind === 'done') yield* notPrefix(outcome.value, historyOf, 'a 201')
      for (const { outcome, status, by } of diary.movings) {
        if (outcome.kind !== 'done') continue
        yield* notPrefix(outcome.value, historyOf, `a move to ${status} by an ${by}`)
        const history = historyOf(outcome.value.id).map((entry) => entry.status)
        const times = history.filter((one) => one === status).length
        if (outcome.value.status !== status || times !== 1)
          yield {
            subject: `order ${outcome.value.id}, moved to ${status}`,
            expected: `${status} answered, and once in its history`,
            found: `${outcome.value.status} answered; history ${history.join(' → ')}`,
          }
      }
    },
  },
  {
    rule: 'key-with-two-answers',
    *find(_, { byKey }) {
      for (const [key, placings] of byKey) {
        const ids = new Set(placings.flatMap(({ outcome }) => (outcome.kind === 'done' ? [outcome.value.id] : [])))
        if (ids.size > 1) yield { subject: `user and key ${key}`, expected: 'one order', found: [...ids].join(', ') }
      }
    },
  },
  {
    rule: 'refused-but-ordered',
    *find(_, { byKey, realOrders }) {
      for (const order of realOrders) {
        if (order.idem === undefined) continue
        const placings = byKey.get(`${order.userId}/${order.idem.key}`)
        const subject = `order ${order._id} under key ${order.idem.key}`
        if (!placings) yield { subject, expected: 'a key that a client used', found: 'one that none did' }
        else if (placings.every(({ outcome }) => outcome.kind === 'refused'))
          yield {
            subject,
            expected: 'nothing, as every try was refused',
            found: placings.map(({ outcome }) => (outcome.kind === 'refused' ? outcome.code : '')).join(', '),
          }
      }
    },
  },
  {
    rule: 'order-nobody-placed',
    *find({ diary }, { realOrders }) {
      const basketOf = (userId: string, lines: readonly Line[]): string => `${userId} wants ${inWords(lines)}`
      const seen = new Set(diary.placings.flatMap(({ outcome }) => (outcome.kind === 'done' ? [outcome.value.id] : [])))
      const unclear = Map.groupBy(
        diary.placings.filter(({ key, outcome }) => key === undefined && outcome.kind === 'unclear'),
        ({ userId, lines }) => basketOf(userId, lines),
      )
      const people = new Set(diary.placings.map(({ userId }) => userId))
      const unseen = realOrders.filter(
        ({ _id, idem, userId }) => idem === undefined && people.has(userId) && !seen.has(_id),
      )
      for (const [basket, orders] of Map.groupBy(unseen, ({ userId, items }) => basketOf(userId, items))) {
        const may = unclear.get(basket)?.length ?? 0
        if (orders.length > may)
          yield {
            subject: `user ${basket}`,
            expected: `at most ${may} orders that no answer told of`,
            found: orders.map(({ _id }) => _id).join(', '),
          }
      }
    },
  },
  {
    rule: 'sold-more-than-there-was',
    *find({ diary, shelf }, { realOrders }) {
      const sold = new Map<string, number>()
      for (const { status, items } of realOrders)
        if (status !== 'Annulée')
          for (const { productId, quantity } of items) sold.set(productId, (sold.get(productId) ?? 0) + quantity)
      for (const [productId, opening] of shelf.opening) {
        const there = diary.adjustings
          .filter((one) => one.productId === productId)
          .filter(({ delta, outcome: { kind } }) => kind === 'done' || (kind === 'unclear' && delta > 0))
          .reduce((sum, { delta }) => sum + delta, opening)
        if ((sold.get(productId) ?? 0) > there)
          yield {
            subject: `product ${productId}`,
            expected: `at most ${there} sold`,
            found: `${sold.get(productId)} sold`,
          }
      }
    },
  },
  {
    rule: 'adjustment-not-once',
    *find({ diary, books }) {
      const kept = Map.groupBy(books.reasons, ({ reason }) => reason)
      for (const { reason, productId, delta, outcome } of diary.adjustings) {
        const found = kept.get(reason) ?? []
        const right = { done: [1], refused: [0], unclear: [0, 1] }[outcome.kind]
        if (!right.includes(found.length) || found.some((one) => one.productId !== productId || one.delta !== delta))
          yield {
            subject: `adjustment of ${productId} by ${delta} (${reason}), ${outcome.kind}`,
            expected: `${right.join(' or ')} movements`,
            found: JSON.stringify(found),
          }
      }
    },
  },
  {
    rule: 'letter-not-in-mailbox',
    *find({ books, handed, diary }) {
      const inMailbox = Map.groupBy(handed.filter(arrived), ({ messageId }) => eventOf(messageId))
      for (const letter of books.letters) {
        const came = inMailbox.get(letter.eventId) ?? []
        const subject = `letter ${letter._id} about event ${letter.eventId}`
        if (letter.status === 'PENDING') yield { subject, expected: 'SENT or FAILED', found: 'PENDING' }
        if (letter.status === 'SENT' && !came.some(({ end }) => end === 'taken'))
          yield { subject, expected: 'taken by the mail server, as it is SENT', found: JSON.stringify(came) }
        const strange = came.find(({ to, orderId }) => to.join() !== letter.recipient || orderId !== letter.orderId)
        if (strange)
          yield { subject, expected: `to its customer, about order ${letter.orderId}`, found: strange.orderId }
        const asked = diary.resendings.filter(
          ({ letterId, outcome }) => letterId === letter._id && outcome.kind !== 'refused',
        )
        const copies = books.copies.get(letter._id) ?? 0
        if (copies > asked.length) yield { subject, expected: `at most ${asked.length} copies`, found: `${copies}` }
      }
    },
  },
  {
    rule: 'letter-nobody-wrote',
    *find({ books, handed }) {
      const letters = new Map(books.letters.map((letter) => [letter.eventId, letter]))
      for (const { messageId, at } of handed.filter(arrived)) {
        const letter = letters.get(eventOf(messageId))
        const copies = letter ? (books.copies.get(letter._id) ?? 0) : 0
        if (!letter || copyOf(messageId) > copies)
          yield {
            subject: `message ${messageId} at ${time(at)}`,
            expected: 'a letter in the books',
            found: letter ? `only ${copies} copies` : 'none',
          }
      }
    },
  },
  {
    rule: 'letter-repeated',
    *find({ handed, injected }) {
      for (const [messageId, all] of Map.groupBy(handed.filter(arrived), (one) => one.messageId))
        for (const [i, again] of all.entries()) {
          const before = all[i - 1]
          if (!before || before.end === 'dropped') continue
          if (!injected.some((fault) => mayExcuse(fault, before.at, again.at)))
            yield {
              subject: `message ${messageId}`,
              expected: 'once, as nothing went wrong around it',
              found: `taken at ${time(before.at)} and again at ${time(again.at)}`,
            }
        }
    },
  },
  {
    rule: 'letter-failed-for-nothing',
    *find({ books, handed }) {
      const refused = new Set(handed.filter(({ end }) => end === 'refused').map(({ messageId }) => eventOf(messageId)))
      for (const { _id, eventId, status } of books.letters)
        if (status === 'FAILED' && !refused.has(eventId))
          yield {
            subject: `letter ${_id} about event ${eventId}`,
            expected: 'not FAILED: no 5xx was said of it',
            found: status,
          }
    },
  },
]

/** What does not hold. */
export const findingsIn = (evidence: Evidence): Finding[] => {
  const view = viewOf(evidence)
  return checks.flatMap(({ rule, find }) => [...find(evidence, view)].map((found) => ({ rule, ...found })))
}

type View = ReturnType<typeof viewOf>

function viewOf({ books, diary }: Evidence) {
  const orderOf = new Map(books.orders.map((order) => [order._id, order]))
  const keyed = diary.placings.filter((placing): placing is Placing & { key: string } => placing.key !== undefined)
  return {
    orderOf,
    realOrders: books.orders.filter(({ status }) => status !== 'Intent' && status !== 'Undoing'),
    /** What was tried under each key, by `user/key`. */
    byKey: Map.groupBy(keyed, ({ userId, key }) => `${userId}/${key}`),
    historyOf: (id: string): { status: string; timestamp: string }[] =>
      (orderOf.get(id)?.statusHistory ?? []).map(({ status, timestamp }) => ({
        status,
        timestamp: timestamp.toISOString(),
      })),
  }
}

/** What an answer told of an order's past stays its past. */
function* notPrefix({ id, statusHistory }: SeenOrder, historyOf: View['historyOf'], what: string): Iterable<Found> {
  const history = historyOf(id)
  const same = statusHistory.every(
    ({ status, timestamp }, i) => history[i]?.status === status && history[i].timestamp === timestamp,
  )
  if (!same)
    yield {
      subject: `order ${id}, answered to ${what}`,
      expected: `a history that begins ${JSON.stringify(statusHistory)}`,
      found: JSON.stringify(history),
    }
}

/** Whether a letter about an order is in the mailbox: the mail server has it, whether or not it could say so. */
const arrived = ({ orderId, end }: Handed): boolean => orderId !== '' && (end === 'taken' || end === 'dropped')

/** The event that a message is about: its Message-ID is `<order>.<sequence>[.<copy>]@<domain>`. */
const eventOf = (messageId: string): string => messageId.replace(/@.*$/, '').split('.').slice(0, 2).join('.')

const copyOf = (messageId: string): number => Number(messageId.replace(/@.*$/, '').split('.')[2] ?? 0)

/**
 * Whether a fault may be why a letter that the mail server had taken came again: it kept notification-service from
 * hearing or from writing down that it was taken.
 */
const mayExcuse = ({ what, on, began, over = Infinity }: Injected, first: number, again: number): boolean =>
  (/^(notification|mongodb)/.test(on) || what === 'hanging') && began <= again && over >= first - 2000

const inWords = (lines: readonly Line[]): string => {
  const sums = new Map<string, number>()
  for (const { productId, quantity } of lines) sums.set(productId, (sums.get(productId) ?? 0) + quantity)
  return [...sums]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([productId, quantity]) => `${quantity} × ${productId}`)
    .join(', ')
}

/** The first field that differs. */
function differs<T extends object>(expected: T, found: T): { expected: string; found: string } | undefined {
  for (const field of Object.keys(expected) as (keyof T & string)[])
    if (expected[field] !== found[field])
      return { expected: `${field} ${String(expected[field])}`, found: `${field} ${String(found[field])}` }
  return undefined
}

const time = (at: number): string => new Date(at).toISOString()
