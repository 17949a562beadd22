import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

/** A letter as a mail server got it: what was said in SMTP, and its headers, unfolded, as they came. */
export type Caught = { to: string[]; headers: [name: string, value: string][]; raw: string }

export type MailServer = Awaited<ReturnType<typeof mailServer>>

/**
 * A mail server on 127.0.0.1 that keeps what it gets. `answers` may be changed at any time: `rcpt` and `data` give the
 * SMTP code to refuse with, if any, and may take their time; `lost` keeps the letter and breaks the connection.
 */
export async function mailServer(options: SMTPServerOptions = {}, port = 0) {
  const caught: Caught[] = []
  const tried = new Set<string>()
  const answers: {
    rcpt: (address: string) => number | undefined | Promise<number | undefined>
    data: (letter: Caught) => number | undefined | 'lost' | Promise<number | undefined>
  } = { rcpt: () => undefined, data: () => undefined }
  const refusal = (code: number | undefined): Error | null =>
    code === undefined ? null : Object.assign(new Error('no'), { responseCode: code })

  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    async onRcptTo({ address }, _session, done) {
      done(refusal(await answers.rcpt(address)))
    },
    async onData(stream, session, done) {
      const raw = await text(stream).catch(() => undefined)
      if (raw === undefined) return // a client that went away in the middle
      for (const { address } of session.envelope.rcptTo) tried.add(address)
      const letter = { to: session.envelope.rcptTo.map(({ address }) => address), headers: headersOf(raw), raw }
      const code = await answers.data(letter)
      if (code === undefined || code === 'lost') caught.push(letter)
      if (code === 'lost') breakOff(session.id)
      else done(refusal(code))
    },
    ...options,
  })
  const breakOff = (sessionId: string): void => {
    const connections = server.connections as Set<{ session: { id: string }; _socket: Socket }>
    for (const { session, _socket } of connections) if (session.id === sessionId) _socket.destroy()
  }
  server.on('error', () => {}) // a client that went away
  server.listen(port, '127.0.0.1')
  await once(server.server, 'listening')
  const address = server.server.address() as AddressInfo
  return {
    port: address.port,
    url: `smtp://127.0.0.1:${address.port}`,
    caught,
    /** Who letters were for, whether they were taken or not. */
    tried,
    answers,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}

const headersOf = (raw: string): [string, string][] =>
  raw
    .slice(0, raw.indexOf('\r\n\r\n'))
    .replaceAll(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
    .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)])

/** The value of a header, whatever its case. */
export const header = ({ headers }: Caught, name: string): string | undefined =>
  headers.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1]
