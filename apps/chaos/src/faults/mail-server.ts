import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
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

/**
 * An e-mail about an order that a client has transmitted completely, and the server's response. An `accepted` or
 * `unconfirmed` one is in the recipient's mailbox.
 */
export type ReceivedEmail = {
  /** Without angle brackets. */
  messageId: string
  orderId: string
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

/** Starts an SMTP server on 127.0.0.1 into which faults can be injected. It records every e-mail about an order. */
export async function createMailServer() {
  const received: ReceivedEmail[] = []
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
      const raw = await text(stream).catch(() => undefined)
      if (raw === undefined) return // the client disconnected
      const result = fault === undefined ? 'accepted' : resultOf[fault]
      const orderId = readHeader(raw, 'x-order-id')
      if (orderId !== '')
        received.push({
          messageId: readHeader(raw, 'message-id').replaceAll(/^<|>$/g, ''),
          orderId,
          to: session.envelope.rcptTo.map(({ address }) => address),
          at: Date.now(),
          result,
        })
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

/** The value of a message header, unfolded; an empty string when the header is missing. */
function readHeader(raw: string, name: string): string {
  const head = raw.slice(0, raw.indexOf('\r\n\r\n')).replaceAll(/\r\n[ \t]+/g, ' ')
  const line = head.split('\r\n').find((one) => one.toLowerCase().startsWith(`${name}:`))
  return line?.slice(name.length + 1).trim() ?? ''
}
