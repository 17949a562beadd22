import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

/** A message as a mail server received it: the recipients of its SMTP envelope, and its headers, unfolded, in order. */
export type Caught = { to: string[]; headers: [name: string, value: string][]; raw: string }

export type MailServer = Awaited<ReturnType<typeof startMailServer>>

/**
 * Starts a mail server on 127.0.0.1 that stores what it receives. `answers` may be changed at any time: `rcpt` and `data`
 * return the SMTP code to reject with, if any, and may be slow; `lost` accepts the message and breaks the connection.
 */
export async function startMailServer(options: SMTPServerOptions = {}, port = 0) {
  const caught: Caught[] = []
  const attempted = new Set<string>()
  const answers: {
    rcpt: (address: string) => number | undefined | Promise<number | undefined>
    data: (message: Caught) => number | undefined | 'lost' | Promise<number | undefined>
  } = { rcpt: () => undefined, data: () => undefined }
  const toSmtpError = (code: number | undefined): Error | null =>
    code === undefined ? null : Object.assign(new Error('rejected by the test'), { responseCode: code })

  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    async onRcptTo({ address }, _session, done) {
      done(toSmtpError(await answers.rcpt(address)))
    },
    async onData(stream, session, done) {
      const raw = await text(stream).catch(() => undefined)
      if (raw === undefined) return // the client disconnected during DATA
      for (const { address } of session.envelope.rcptTo) attempted.add(address)
      const message = { to: session.envelope.rcptTo.map(({ address }) => address), headers: parseHeaders(raw), raw }
      const code = await answers.data(message)
      if (code === undefined || code === 'lost') caught.push(message)
      if (code === 'lost') dropConnection(session.id)
      else done(toSmtpError(code))
    },
    ...options,
  })
  const dropConnection = (sessionId: string): void => {
    const connections = server.connections as Set<{ session: { id: string }; _socket: Socket }>
    for (const { session, _socket } of connections) if (session.id === sessionId) _socket.destroy()
  }
  server.on('error', () => {}) // a client that disconnected
  server.listen(port, '127.0.0.1')
  await once(server.server, 'listening')
  const address = server.server.address() as AddressInfo
  return {
    port: address.port,
    url: `smtp://127.0.0.1:${address.port}`,
    caught,
    /** The recipients of all messages, accepted or not. */
    attempted,
    answers,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}

const parseHeaders = (raw: string): [string, string][] =>
  raw
    .slice(0, raw.indexOf('\r\n\r\n'))
    .replaceAll(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
    .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)])

/** The value of a header. Its name is not case-sensitive. */
export const header = ({ headers }: Caught, name: string): string | undefined =>
  headers.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1]
