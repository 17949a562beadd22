import { connect, createServer, type Socket } from 'node:net'

/**
 * Starts a TCP proxy in front of the MongoDB server at `url`, which injects faults: a lost connection, a lost answer.
 * Returns the URL by which a service reaches the same database through it.
 */
export async function startTcpFaultProxy(url: string) {
  const { hostname, port } = new URL(url)
  const sockets = new Set<Socket>()
  let watchedCommand: string | undefined
  let remainingDrops = 0
  let isDisconnected = false

  const server = createServer((client) => {
    if (isDisconnected) return void client.destroy()
    const upstream = connect(Number(port), hostname)
    sockets.add(client).add(upstream)
    let dropsNextAnswer = false
    client.on('data', (chunk) => {
      dropsNextAnswer ||= watchedCommand !== undefined && remainingDrops > 0 && chunk.includes(watchedCommand)
      upstream.write(chunk)
    })
    upstream.on('data', (chunk) => {
      if (!dropsNextAnswer) return void client.write(chunk)
      remainingDrops-- // the server has executed the command, and the client does not learn of it
      client.destroy()
    })
    const close = (): void => {
      client.destroy()
      upstream.destroy()
      sockets.delete(client)
      sockets.delete(upstream)
    }
    for (const socket of [client, upstream]) socket.on('close', close).on('error', close)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const disconnect = (): void => {
    isDisconnected = true
    for (const socket of sockets) socket.destroy()
  }

  const proxied = new URL(url)
  proxied.host = `127.0.0.1:${(server.address() as { port: number }).port}`
  proxied.search = 'directConnection=true'
  return {
    url: proxied.href,
    /** Drops the answers to the next `times` commands of this name: the server executes them all the same. */
    dropAnswers: (command: string, times: number): void => {
      watchedCommand = command
      remainingDrops = times
    },
    /** Returns how many answers are still to be dropped. */
    remainingDrops: (): number => remainingDrops,
    /** Breaks all connections, and refuses new ones until `reconnect`. */
    disconnect,
    reconnect: (): void => void (isDisconnected = false),
    close: (): void => {
      disconnect()
      server.close()
    },
  }
}
