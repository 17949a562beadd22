import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { SMTPServer } from 'smtp-server'

/**
 * How a mail server may feel.
 * - `busy`: 4xx, try again
 * - `refusing`: 5xx about the letter
 * - `hanging`: says nothing until it is well again
 * - `dropping`: takes the letter, and drops the connection before it says so
 */
export const moods = ['busy', 'refusing', 'hanging', 'dropping'] as const
export type Mood = (typeof moods)[number]

/** A letter about an order that was handed over whole, and what became of it; `taken` and `dropped` are in the mailbox. */
export type Handed = {
  /** Without its angle brackets. */
  messageId: string
  orderId: string
  to: string[]
  /** Milliseconds since 1970. */
  at: number
  end: 'taken' | 'dropped' | 'busy' | 'refused'
}

export type MailServer = Awaited<ReturnType<typeof mailServer>>

/** A mail server on 127.0.0.1 with moods, which writes down every letter about an order that it was handed. */
export async function mailServer() {
  const handed: Handed[] = []
  const sockets = new Map<number, Socket>()
  let mood: Mood | undefined
  let { promise: well, resolve: recover } = Promise.withResolvers<void>()

  const smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    socketTimeout: 60_000,
    closeTimeout: 100,
    async onConnect(_session, done) {
      if (mood === 'hanging') await well
      done()
    },
    async onMailFrom(_address, _session, done) {
      if (mood === 'hanging') await well
      done(mood === 'busy' ? answer(451) : null)
    },
    async onData(stream, session, done) {
      const raw = await text(stream).catch(() => undefined)
      if (raw === undefined) return // went away in the middle
      const end = ({ refusing: 'refused', dropping: 'dropped', busy: 'busy' } as const)[mood as never] ?? 'taken'
      const orderId = headerOf(raw, 'x-order-id')
      if (orderId !== '')
        handed.push({
          messageId: headerOf(raw, 'message-id').replaceAll(/^<|>$/g, ''),
          orderId,
          to: session.envelope.rcptTo.map(({ address }) => address),
          at: Date.now(),
          end,
        })
      if (end === 'dropped') sockets.get(session.remotePort)?.destroy()
      else done({ taken: null, refused: answer(550), busy: answer(452) }[end])
    },
  })
  smtp.on('error', () => {}) // a client that went away
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
    handed,
    feel: (now: Mood | undefined): void => {
      mood = now
      recover()
      ;({ promise: well, resolve: recover } = Promise.withResolvers<void>())
    },
    close: async (): Promise<void> => {
      recover()
      for (const socket of sockets.values()) socket.destroy()
      await new Promise<void>((resolve) => smtp.close(() => resolve()))
    },
  }
}

const answer = (responseCode: number): Error => Object.assign(new Error('not now'), { responseCode })

/** A header of a message, unfolded; empty when it has none such. */
function headerOf(raw: string, name: string): string {
  const head = raw.slice(0, raw.indexOf('\r\n\r\n')).replaceAll(/\r\n[ \t]+/g, ' ')
  const line = head.split('\r\n').find((one) => one.toLowerCase().startsWith(`${name}:`))
  return line?.slice(name.length + 1).trim() ?? ''
}
