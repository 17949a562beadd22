import { createTransport, type NodemailerError } from 'nodemailer'
import type { Outcome } from './letter.ts'

/** How many connections to the mail server: more gain nothing, the process's own CPU is the limit. */
export const CONNECTIONS = 5

/** How long the mail server's last answer to "are you there" holds, in milliseconds. */
const KNOWN_FOR = 5000

/** A letter as it goes to the mail server. */
export type Mail = {
  to: { name: string; address: string }
  subject: string
  text: string
  html: string
  /** With its angle brackets. */
  messageId: string
  headers: Record<string, string>
}

export type Mailer = ReturnType<typeof mailerTo>

/**
 * The mail server at `url` (`smtp://user:password@host:587`, `smtps://…`; nodemailer's options may follow as a query),
 * over connections that are kept. `from` is `Name <address@host>`; `within` is how long one try may take in all, in
 * milliseconds.
 *
 * STARTTLS is used whenever it is offered, and a password never goes to another machine without TLS.
 */
export function mailerTo(url: string, from: string, within = 60_000) {
  const atMost = (ms: number): number => Math.min(ms, within)
  const { hostname, username } = new URL(url)
  const local = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)
  const transport = createTransport(
    {
      url,
      pool: true,
      maxConnections: CONNECTIONS,
      maxMessages: Infinity,
      maxRequeues: 2, // a connection that went stale; trying again later is deliver.ts's work
      connectionTimeout: atMost(5000),
      greetingTimeout: atMost(5000),
      socketTimeout: atMost(20_000),
      dnsTimeout: atMost(5000),
      requireTLS: username !== '' && !local,
      tls: { rejectUnauthorized: !local }, // a server on this machine may have signed for itself
      disableFileAccess: true,
      disableUrlAccess: true,
    },
    { from },
  )
  // Told by the outcome of each letter; unheard, it would end the process.
  transport.on('error', () => {})

  let known: { at: number; answer: Promise<true> } | undefined

  return {
    within,
    /** The domain of the sender's address. */
    domain: /@([^@\s<>]+?)>?$/.exec(from)?.[1] ?? 'localhost',
    /** Hands a letter over; never rejects. */
    send: async (mail: Mail): Promise<Outcome> => {
      try {
        await transport.sendMail({ ...mail, signal: AbortSignal.timeout(within) })
        return { result: 'sent' }
      } catch (error) {
        return outcomeOf(error as NodemailerError)
      }
    },
    /** Rejects when the mail server does not let us in; asks it at most every 5 s. */
    verify: (): Promise<true> => {
      if (!known || Date.now() - known.at > KNOWN_FOR) known = { at: Date.now(), answer: transport.verify() }
      return known.answer
    },
    /** Ends the connections, also those that are in the middle of a letter: that try was in vain. */
    close: (): void => transport.close({ force: true }),
  }
}

/**
 * What an error of nodemailer means for the letter. Only what the mail server says for good (5xx) about this letter is
 * for good: that it is away, slow, or does not accept who we are, is no fault of the letter.
 */
export function outcomeOf({ code, responseCode }: Pick<NodemailerError, 'code' | 'responseCode'>): Outcome {
  if (code === 'ETLS') return { result: 'later', reason: 'no secure connection to the mail server' }
  if (responseCode !== undefined && responseCode >= 400) {
    const ours = code === 'EENVELOPE' || code === 'EMESSAGE'
    const result = ours && responseCode >= 500 && !notTheLetter.has(responseCode) ? 'refused' : 'later'
    return { result, reason: `the mail server answered ${responseCode}` }
  }
  if (code === 'EENVELOPE') return { result: 'refused', reason: 'not an e-mail address' }
  if (code === 'ETIMEDOUT' || code === 'EABORT') return { result: 'later', reason: 'the mail server took too long' }
  if (code === 'EAUTH' || code === 'ENOAUTH') return { result: 'later', reason: 'the mail server did not let us in' }
  return { result: 'later', reason: 'the mail server could not be reached' }
}

/** Replies about the session: bad sequence, sign in first, weak or failed sign-in, TLS needed. */
const notTheLetter = new Set([503, 530, 534, 535, 538])
