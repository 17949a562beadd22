import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { coalesce } from '@halles/service/coalesce'
import type { Logger } from '@halles/service/log'
import { inNoTrace, inSpan, traceHeaders, traceId } from '@halles/service/trace'
import { isMailable, messageIdOf, oneLine, setback, type Letter, type LetterStatus, type Outcome } from './letter.ts'
import type { Claimed, Letters, Settled } from './letters.ts'
import { CONNECTIONS, type Mail, type Mailer } from './mailer.ts'
import { writeAccountLetter } from './write-account-letter.ts'
import { writeLetter } from './write-letter.ts'

/** How many letters an instance has in hand at the most, and at how few it takes more. */
const IN_HAND = 5 * CONNECTIONS
const FEW = CONNECTIONS

/** How long letters in hand are no one else's, in tries: longer than one takes, so that none is in two hands. */
const LEASE = 1.5

/** The longest pause between two looks at what is due: letters of an instance that died wait for their lease and this. */
const LOOK_EVERY = 5000

/** How long a stop waits for the letters that are being handed over, and then for MongoDB, in milliseconds. */
const STOP_WITHIN = 4000
const GIVE_BACK_WITHIN = 1500

type Helpers = {
  letters: Pick<Letters, 'claim' | 'release' | 'settle' | 'nextDue'>
  mailer: Pick<Mailer, 'send' | 'domain' | 'within' | 'close'>
  log: Logger
  /** Told of each try, and what the letter is now. */
  tried?: (letter: Letter, outcome: Outcome, status: LetterStatus, at: Date) => void
  shopUrl?: string | undefined
  /** Opens what the link of a letter about an account is to carry; rejects for what was sealed under another secret. */
  openLink?: (sealed: string) => Promise<string>
  /** Multiplies every pause before another try, and how long a letter is tried. */
  scale?: number
  /** How long a letter in hand is no one else's, in milliseconds. */
  lease?: number
  now?: () => Date
}

const noLinks = (): Promise<never> => Promise.reject(new Error('there is no secret that opens links'))

export type Delivery = ReturnType<typeof deliveryOf>

/**
 * Delivers the letters that are due, for as long as it is open.
 *
 * A letter is claimed under a lease before it is tried, so that no two instances have it in hand at once; what became
 * of it is written down afterwards. Where a crash comes in between, the letter goes again when the lease is over, under
 * the same Message-ID.
 */
export function deliveryOf(helpers: Helpers) {
  const { letters, mailer, log, tried = () => {}, shopUrl, scale = 1, now = () => new Date() } = helpers
  const { lease = mailer.within * LEASE, openLink = noLinks } = helpers
  const inHand = new Set<Promise<void>>()
  let open = true
  let looking: Promise<void> | undefined
  let again = false
  let timer: NodeJS.Timeout | undefined

  const settle = coalesce<Settled, void>(async (settled) => {
    await letters.settle(settled)
    return settled.map(() => undefined)
  })

  const wake = (): void => {
    if (!open) return
    if (looking) again = true
    else looking = inNoTrace(look)
  }

  async function look(): Promise<void> {
    clearTimeout(timer)
    let wait = LOOK_EVERY
    try {
      do {
        again = false
        wait = await take()
      } while (again && open)
    } catch (error) {
      log.warn({ err: error }, 'letters cannot be fetched now')
    }
    looking = undefined
    if (open) timer = setTimeout(wake, wait)
  }

  /** Takes what is due in hand, and answers how long to wait before the next look. */
  async function take(): Promise<number> {
    if (inHand.size > FEW) return LOOK_EVERY // asked again when few are left
    const wanted = IN_HAND - inHand.size
    const at = now()
    const claimed = await letters.claim(wanted, randomUUID(), at, new Date(at.getTime() + lease))
    if (!open) {
      await letters.release(claimed)
      return 0
    }
    for (const letter of claimed) hold(letter)
    const next = claimed.length < wanted ? await letters.nextDue(now()) : undefined
    return Math.min(LOOK_EVERY, Math.max(1, (next?.getTime() ?? Infinity) - now().getTime()))
  }

  function hold(letter: Claimed): void {
    const work = deliver(letter)
      .catch((error: unknown) => log.error({ err: error, letterId: letter.id }, 'not written down: it may go twice'))
      .finally(() => {
        inHand.delete(work)
        if (inHand.size === FEW) wake()
      })
    inHand.add(work)
  }

  /** One try of one letter, in the trace of its event. */
  const deliver = (letter: Claimed): Promise<void> =>
    inSpan('letter deliver', 'internal', letter.traceparent ?? undefined, async () => {
      const outcome = await handOver(letter)
      if (outcome.result !== 'sent' && !open) return letters.release([letter]) // the stop was in vain, not the try
      const at = now()
      const settled =
        outcome.result === 'sent' ? { letter, sentAt: at } : { letter, setback: setback(letter, outcome, at, scale) }
      await written(settled)
      const status = 'sentAt' in settled ? 'SENT' : settled.setback.status
      tried(letter, outcome, status, at)
      const { id: letterId, orderId, attempts } = letter
      log.info({ letterId, orderId, attempt: attempts + 1, status, ...outcome }, 'letter tried')
      if (status === 'PENDING') wake() // to know when it is due
    })

  async function handOver(letter: Claimed): Promise<Outcome> {
    if (letter.recipient === '') return { result: 'refused', reason: 'its account was deleted' }
    if (!isMailable(letter.recipient)) return { result: 'refused', reason: 'not an e-mail address' }
    const link = letter.account?.link
    if (link && link.expiresAt <= now()) return { result: 'refused', reason: 'its link has expired' }
    let token: string | undefined
    try {
      token = link && (await openLink(link.sealed))
    } catch {
      return { result: 'later', reason: 'its link could not be opened' } // until then, or until the secrets agree
    }
    let mail: Mail
    try {
      mail = mailFor(letter, { domain: mailer.domain, shopUrl, token })
    } catch (error) {
      log.error({ err: error, letterId: letter.id }, 'a letter that cannot be written')
      return { result: 'refused', reason: 'it could not be written' } // nor would it be at the next try
    }
    return mailer.send(mail)
  }

  /** Writes down what became of a letter; while the database is away and the letter still ours, again and again. */
  async function written(settled: Settled): Promise<void> {
    for (let left = lease - mailer.within; ; left -= 1000)
      try {
        return await settle(settled)
      } catch (error) {
        if (!open || left <= 0) throw error
        await pause(1000)
      }
  }

  return {
    /** Says that there may be letters due now; without it they are found within 5 s. */
    wake,
    /**
     * Stops: letters being handed over get 4 s, and what was not sent by then is left to other instances. What MongoDB
     * does not take within 1.5 s more is theirs when its lease ends.
     */
    close: async (): Promise<void> => {
      open = false
      clearTimeout(timer)
      const done = async (): Promise<void> => {
        await looking
        await Promise.all(inHand)
      }
      await Promise.race([done(), pause(STOP_WITHIN, undefined, { ref: false })])
      mailer.close()
      await Promise.race([done(), pause(GIVE_BACK_WITHIN, undefined, { ref: false })])
    },
  }
}

/**
 * A letter as it goes to the mail server, with the present trace in its headers. Nothing that came from a customer can
 * become a header of its own. `token` is what the link of a letter about an account carries.
 */
export function mailFor(
  letter: Letter,
  { domain, shopUrl, token }: { domain: string; shopUrl?: string | undefined; token?: string | undefined },
): Mail {
  const id = traceId()
  return {
    to: { name: oneLine(letter.name), address: letter.recipient },
    subject: letter.subject,
    ...(letter.account ? writeAccountLetter(letter, { shopUrl, token }) : writeLetter(letter, shopUrl)),
    messageId: `<${messageIdOf(letter, domain)}>`,
    headers: {
      ...(!letter.account && { 'X-Order-Id': oneLine(letter.orderId) }),
      'Auto-Submitted': 'auto-generated',
      ...(id !== undefined && { 'X-Trace-Id': id, ...traceHeaders() }),
    },
  }
}
