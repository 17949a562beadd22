import { connect } from 'node:net'

/** What was received on a connection until it was closed, or until the timeout. `ms`: how long that took. */
export type RawResponse = { text: string; statuses: number[]; closed: boolean; ms: number }

/**
 * Sends bytes on a TCP connection of its own, for requests that no HTTP client would send.
 *
 * @param options.drip what is sent after `bytes`, one item a second
 * @param options.timeout how long the response is awaited, in milliseconds
 */
export function sendRaw(
  baseUrl: string,
  bytes: string | Uint8Array,
  { drip = [], timeout = 3000 }: { drip?: Iterable<string>; timeout?: number } = {},
): Promise<RawResponse> {
  const { hostname, port } = new URL(baseUrl)
  const began = performance.now()
  const dripItems = drip[Symbol.iterator]()
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(Number(port || 80), hostname, () => socket.write(bytes))
    const dripInterval = setInterval(() => {
      const { value, done } = dripItems.next()
      if (!done && socket.writable) socket.write(value)
    }, 1000)
    const finish = (closed: boolean): void => {
      clearTimeout(timer)
      clearInterval(dripInterval)
      socket.destroy()
      const statuses = [...text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status))
      resolve({ text, statuses, closed, ms: performance.now() - began })
    }
    const timer = setTimeout(finish, timeout, false)
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    socket.on('error', () => finish(true)) // a reset connection is a response, too
    socket.on('close', () => finish(true))
  })
}
