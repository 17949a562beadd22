import { subjectOf } from './event-rules.ts'
import type { Rule } from './view.ts'
import type { AccountLetter, Event, Letter } from './books.ts'

/** By how much a letter must be overtaken to count as forgotten, in milliseconds. */
const OVERTAKEN = 60_000

/** Letters were read before the topics: each one's event was there already. */
export const letterRules: Rule[] = [
  {
    name: 'letter-missing',
    why: 'The customer is told of every status: one letter an event, unless the event was parked.',
    *find({ repeatsOf, lettersOf, isParked, isDue }) {
      for (const [id, appearances] of repeatsOf) {
        const heard = appearances.find((event) => !isParked(event))
        if (heard && !lettersOf.has(id) && isDue(heard.timestamp))
          yield { subject: subjectOf(heard), expected: 'a letter', found: 'none' }
      }
    },
  },
  {
    name: 'letter-twice',
    why: 'Nobody is told the same twice.',
    *find({ letters, accountLetters, lettersOf }) {
      const places = Map.groupBy(letters, ({ orderId, sequence }) => `event ${sequence} of order ${orderId}`)
      const ofAccounts = Map.groupBy(accountLetters, ({ eventId }) => eventId)
      const all = [...prefixed('event', lettersOf), ...places, ...prefixed('account event', ofAccounts)]
      for (const [subject, same] of all)
        if (same.length > 1) yield { subject, expected: 'one letter', found: same.map(({ _id }) => _id).join(', ') }
    },
  },
  {
    name: 'letter-without-event',
    why: 'A letter tells what happened: without an event nothing did.',
    *find({ letters, eventOf, isRetained }) {
      for (const letter of letters)
        if (!eventOf.has(letter.eventId) && isRetained(letter.orderId, letter.happenedAt))
          yield { subject: nameOfLetter(letter), expected: `event ${letter.eventId} on order-events`, found: 'none' }
    },
  },
  {
    name: 'letter-wrong',
    why: 'A letter goes to who ordered, and tells what its event told.',
    *find({ letters, eventOf, orderOf }) {
      for (const letter of letters) {
        const event = eventOf.get(letter.eventId)
        const recipient = orderOf.get(letter.orderId)?.customer.email
        if (event && tells(letter) !== tellsOf(event))
          yield { subject: nameOfLetter(letter), expected: tellsOf(event), found: tells(letter) }
        // One of them is forgotten a moment before the other when their account is deleted.
        else if (recipient && letter.recipient !== '' && letter.recipient !== recipient)
          yield { subject: nameOfLetter(letter), expected: 'to the customer of the order', found: 'to somebody else' }
      }
    },
  },
  {
    name: 'letter-stuck',
    why: 'A letter that waits is tried when it is due. Many at once take their time; this one is due, in no hands, and nothing is sent, or what came later was.',
    *find({ letters: aboutOrders, accountLetters, late, isQuiet }) {
      const letters = [...aboutOrders, ...accountLetters]
      const sent = letters.filter(({ status }) => status === 'SENT')
      const newest = latest(sent.map(({ since }) => since))
      const standsStill = isQuiet || latest(sent.map(({ sentAt }) => sentAt)) < late.getTime()
      for (const letter of letters) {
        const { status, nextAttemptAt, leasedUntil } = letter
        if (status !== 'PENDING' || nextAttemptAt >= late || (leasedUntil && leasedUntil >= late)) continue
        if (standsStill || newest > nextAttemptAt.getTime() + OVERTAKEN)
          yield {
            subject: nameOfLetter(letter),
            expected: 'sent, in hand, or to be tried later',
            found: `due since ${nextAttemptAt.toISOString()}`,
          }
      }
    },
  },
]

const latest = (moments: (Date | null)[]): number =>
  moments.reduce((latest, at) => Math.max(latest, at?.getTime() ?? 0), 0)

const nameOfLetter = ({ _id }: Letter | AccountLetter): string => `letter ${_id}`
const tells = ({ orderId, sequence, order }: Letter): string => `${order.status}, event ${sequence} of order ${orderId}`
const tellsOf = ({ orderId, sequence, telling }: Event): string =>
  `${telling.status}, event ${sequence} of order ${orderId}`

function* prefixed<T>(word: string, map: Map<string, T>): Iterable<[string, T]> {
  for (const [key, value] of map) yield [`${word} ${key}`, value]
}
