import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { SMTPServer } from 'smtp-server'

/** An SMTP server that keeps what it accepts, and refuses the addresses that a story names. */
export async function startMailServer() {
  const accepted: { to: string; orderId: string | undefined }[] = []
  const refused = new Set<string>()
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    onRcptTo: ({ address }, _session, done) =>
      done(refused.has(address) ? Object.assign(new Error('refused'), { responseCode: 550 }) : null),
    async onData(stream, { envelope }, done) {
      const message = await text(stream)
      const orderId = /^X-Order-Id: (\S+)/im.exec(message)?.[1]
      for (const { address } of envelope.rcptTo) accepted.push({ to: address, orderId })
      done()
    },
  })
  server.on('error', () => {}) // a client that disconnected
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  const { port } = server.server.address() as AddressInfo
  return {
    url: `smtp://127.0.0.1:${port}`,
    accepted,
    /** Addresses that the server answers 550 for. */
    refused,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}

export type MailServer = Awaited<ReturnType<typeof startMailServer>>
