import { connect } from 'node:net'

/** What came over a connection until it was closed, or until nothing more was waited for. */
export type Spoken = { text: string; statuses: number[]; closed: boolean; ms: number }

/**
 * Says bytes over a connection of its own, which no HTTP client would say.
 *
 * @param drip what is said after `bytes`, a second apart
 * @param within how long is listened, in milliseconds
 */
export function say(
  base: string,
  bytes: string | Uint8Array,
  { drip = [], within = 3000 }: { drip?: Iterable<string>; within?: number } = {},
): Promise<Spoken> {
  const { hostname, port } = new URL(base)
  const began = performance.now()
  const more = drip[Symbol.iterator]()
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(Number(port || 80), hostname, () => socket.write(bytes))
    const dripping = setInterval(() => {
      const { value, done } = more.next()
      if (!done && socket.writable) socket.write(value)
    }, 1000)
    const end = (closed: boolean): void => {
      clearTimeout(late)
      clearInterval(dripping)
      socket.destroy()
      const statuses = [...text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status))
      resolve({ text, statuses, closed, ms: performance.now() - began })
    }
    const late = setTimeout(end, within, false)
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    socket.on('error', () => end(true)) // reset by the other side: that is an answer
    socket.on('close', () => end(true))
  })
}
