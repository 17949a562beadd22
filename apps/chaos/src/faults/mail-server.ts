import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { simpleParser, type HeaderLines } from 'mailparser'
import { SMTPServer } from 'smtp-server'

/**
 * The faults of the mail server.
 * - `defer`: responds 4xx, a temporary failure
 * - `reject`: responds 5xx to the message, a permanent failure
 * - `hang`: does not respond until the fault is cleared
 * - `accept-then-disconnect`: stores the message and drops the connection instead of confirming it
 */
export const mailFaults = ['defer', 'reject', 'hang', 'accept-then-disconnect'] as const
export type MailFault = (typeof mailFaults)[number]

/** The link in an e-mail about an account: the page that it opens, and the token that the page sends. */
export type EmailLink = { page: string; token: string }

/**
 * An e-mail that a client has transmitted completely, and the server's response. An `accepted` or `unconfirmed` one is in
 * the recipient's mailbox.
 */
export type ReceivedEmail = {
  /** Without angle brackets. */
  messageId: string
  /** Empty in an e-mail about an account. */
  orderId: string
  link?: EmailLink
  to: string[]
  /** Milliseconds since 1970. */
  at: number
  result: 'accepted' | 'unconfirmed' | 'deferred' | 'rejected'
}

export type MailServer = Awaited<ReturnType<typeof createMailServer>>

const resultOf = {
  defer: 'deferred',
  reject: 'rejected',
  hang: 'accepted',
  'accept-then-disconnect': 'unconfirmed',
} as const satisfies Record<MailFault, ReceivedEmail['result']>

/** Whether the mail server has stored an e-mail, confirmed or not. */
export const isInMailbox = ({ result }: ReceivedEmail): boolean => result === 'accepted' || result === 'unconfirmed'

/** Starts an SMTP server on 127.0.0.1 into which faults can be injected. It records every e-mail. */
export async function createMailServer() {
  const received: ReceivedEmail[] = []
  const mailboxes = new Map<string, ReceivedEmail[]>()
  const sockets = new Map<number, Socket>()
  let fault: MailFault | undefined
  let { promise: recovered, resolve: recover } = Promise.withResolvers<void>()

  const smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    socketTimeout: 60_000,
    closeTimeout: 100,
    async onConnect(_session, done) {
      if (fault === 'hang') await recovered
      done()
    },
    async onMailFrom(_address, _session, done) {
      if (fault === 'hang') await recovered
      done(fault === 'defer' ? createSmtpError(451) : null)
    },
    async onData(stream, session, done) {
      const raw = await buffer(stream).catch(() => undefined)
      if (raw === undefined) return // the client disconnected
      const { messageId = '', headerLines, text = '' } = await simpleParser(raw, { skipTextToHtml: true })
      const result = fault === undefined ? 'accepted' : resultOf[fault]
      const link = readLink(text)
      const email: ReceivedEmail = {
        messageId: messageId.replaceAll(/^<|>$/g, ''),
        orderId: readHeader(headerLines, 'x-order-id'),
        ...(link && { link }),
        to: session.envelope.rcptTo.map(({ address }) => address),
        at: Date.now(),
        result,
      }
      received.push(email)
      if (isInMailbox(email))
        for (const address of email.to) mailboxes.set(address, [...(mailboxes.get(address) ?? []), email])
      if (result === 'unconfirmed') sockets.get(session.remotePort)?.destroy()
      else done({ accepted: null, rejected: createSmtpError(550), deferred: createSmtpError(452) }[result])
    },
  })
  smtp.on('error', () => {}) // a client that disconnected
  const server: Server = smtp.server
  server.on('connection', (socket) => {
    const { remotePort } = socket
    if (remotePort === undefined) return
    sockets.set(remotePort, socket)
    socket.once('close', () => sockets.delete(remotePort))
  })
  smtp.listen(0, '127.0.0.1')
  await once(server, 'listening')

  return {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** In the order of their arrival. */
    received,
    /** The e-mails in the mailbox of an address, in the order of their arrival. */
    mailboxOf: (address: string): readonly ReceivedEmail[] => mailboxes.get(address) ?? [],
    /** Starts a fault, or ends the current one. */
    setFault: (next: MailFault | undefined): void => {
      fault = next
      recover()
      ;({ promise: recovered, resolve: recover } = Promise.withResolvers<void>())
    },
    close: async (): Promise<void> => {
      recover()
      for (const socket of sockets.values()) socket.destroy()
      await new Promise<void>((resolve) => smtp.close(() => resolve()))
    },
  }
}

const createSmtpError = (responseCode: number): Error => Object.assign(new Error('injected fault'), { responseCode })

/** The value of a message header; an empty string when the header is missing. */
const readHeader = (headers: HeaderLines, name: string): string =>
  headers
    .find(({ key }) => key === name)
    ?.line.slice(name.length + 1)
    .trim() ?? ''

/** The link of an e-mail about an account: `SHOP_URL/password/reset#token=…`. */
function readLink(text: string): EmailLink | undefined {
  const [, page, token] = /https?:\/\/[^/\s]+(\/[a-z/]+)#token=(\S+)/.exec(text) ?? []
  return page === undefined || token === undefined ? undefined : { page, token: decodeURIComponent(token) }
}
