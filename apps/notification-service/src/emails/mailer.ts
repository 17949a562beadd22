import { createTransport, type NodemailerError } from 'nodemailer'
import type { DeliveryOutcome } from './email.ts'

/** The size of the SMTP connection pool. More connections gain nothing: the CPU of this process is the limit. */
export const MAX_CONNECTIONS = 5

/** How long a result of `verify` is cached, in milliseconds. */
const VERIFY_CACHE_TTL = 5000

/** A message as nodemailer takes it. */
export type MailMessage = {
  to: { name: string; address: string }
  subject: string
  text: string
  html: string
  /** With its angle brackets. */
  messageId: string
  headers: Record<string, string>
}

export type Mailer = ReturnType<typeof createMailer>

/**
 * Creates an SMTP client with a connection pool for the mail server at `url` (`smtp://user:password@host:587`,
 * `smtps://…`; nodemailer's options may follow as a query). `from` is `Name <address@host>`; `timeout` limits one delivery
 * attempt as a whole, in milliseconds.
 *
 * STARTTLS is used whenever the server offers it, and a password is never sent to another machine without TLS.
 */
export function createMailer(url: string, from: string, timeout = 60_000) {
  const atMost = (ms: number): number => Math.min(ms, timeout)
  const { hostname, username } = new URL(url)
  const isLocal = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)
  const transport = createTransport(
    {
      url,
      pool: true,
      maxConnections: MAX_CONNECTIONS,
      maxMessages: Infinity,
      maxRequeues: 2, // for a stale connection; every other retry is up to the delivery worker
      connectionTimeout: atMost(5000),
      greetingTimeout: atMost(5000),
      socketTimeout: atMost(20_000),
      dnsTimeout: atMost(5000),
      requireTLS: username !== '' && !isLocal,
      tls: { rejectUnauthorized: !isLocal }, // a server on this machine may have a self-signed certificate
      disableFileAccess: true,
      disableUrlAccess: true,
    },
    { from },
  )
  // `send` reports each failure; without a listener this event would end the process.
  transport.on('error', () => {})

  let lastCheck: { at: number; result: Promise<true> } | undefined

  return {
    timeout,
    /** The domain of the sender's address. */
    domain: /@([^@\s<>]+?)>?$/.exec(from)?.[1] ?? 'localhost',
    /** Attempts to deliver a message. It never rejects. */
    send: async (message: MailMessage): Promise<DeliveryOutcome> => {
      try {
        await transport.sendMail({ ...message, signal: AbortSignal.timeout(timeout) })
        return { result: 'sent' }
      } catch (error) {
        return toDeliveryOutcome(error as NodemailerError)
      }
    },
    /** Connects to the mail server and signs in, at most every 5 s. It rejects when either fails. */
    verify: (): Promise<true> => {
      if (!lastCheck || Date.now() - lastCheck.at > VERIFY_CACHE_TTL)
        lastCheck = { at: Date.now(), result: transport.verify() }
      return lastCheck.result
    },
    /** Closes all connections at once. Attempts in flight fail. */
    close: (): void => transport.close({ force: true }),
  }
}

/**
 * Classifies an error of nodemailer. Only a permanent reply (5xx, RFC 5321 section 4.2.1) about this message or its
 * recipient is permanent for the e-mail. When the mail server is away, slow or refuses our sign-in, a retry may succeed.
 */
export function toDeliveryOutcome({
  code,
  responseCode,
}: Pick<NodemailerError, 'code' | 'responseCode'>): DeliveryOutcome {
  if (code === 'ETLS') return { result: 'deferred', reason: 'no secure connection to the mail server' }
  if (responseCode !== undefined && responseCode >= 400) {
    const isAboutMessage = (code === 'EENVELOPE' || code === 'EMESSAGE') && !sessionReplies.has(responseCode)
    const result = isAboutMessage && responseCode >= 500 ? 'rejected' : 'deferred'
    return { result, reason: `the mail server answered ${responseCode}` }
  }
  if (code === 'EENVELOPE') return { result: 'rejected', reason: 'not an e-mail address' }
  if (code === 'ETIMEDOUT' || code === 'EABORT') return { result: 'deferred', reason: 'the mail server took too long' }
  if (code === 'EAUTH' || code === 'ENOAUTH')
    return { result: 'deferred', reason: 'the mail server refused the sign-in' }
  return { result: 'deferred', reason: 'the mail server could not be reached' }
}

/** Replies about the session: bad sequence, sign-in required, mechanism too weak, sign-in failed, TLS required. */
const sessionReplies = new Set([503, 530, 534, 535, 538])
