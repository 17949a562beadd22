import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/**
 * What may be wrong with a cable.
 * - `cut`: connections break, and no new ones come about
 * - `silent`: nothing comes through, in neither direction, until it is whole again; then all of it does
 * - `slow`: everything comes through late
 * - `deaf`: what is asked arrives, the answers are lost; the connections break when the cable is whole again
 */
export const troubles = ['cut', 'silent', 'slow', 'deaf'] as const
export type Trouble = (typeof troubles)[number]

/** How late things come through a slow cable, each way, in milliseconds. */
const LATE = 120

export type Cable = Awaited<ReturnType<typeof layCable>>

/** One connection through a cable: who asked for it, and where it leads. */
type Pair = { near: Socket; far: Socket; spoilt: boolean }

/** A TCP cable on 127.0.0.1, through which a process reaches a neighbour, and which may be in trouble. */
export async function layCable(name: string) {
  const pairs = new Set<Pair>()
  let trouble: Trouble | undefined
  let target = { host: '127.0.0.1', port: 0 }

  const server = createServer({ allowHalfOpen: true }, (near) => {
    if (trouble === 'cut' || target.port === 0) {
      near.on('error', () => {})
      near.resetAndDestroy()
      return
    }
    const pair: Pair = { near, far: connect({ ...target, allowHalfOpen: true }), spoilt: false }
    pairs.add(pair)
    const { far } = pair
    for (const [end, other] of [
      [near, far],
      [far, near],
    ] as const) {
      end.setNoDelay(true)
      end.on('error', () => {}) // told by its close
      end.on('close', () => {
        pairs.delete(pair)
        other.destroy()
      })
    }
    void carry(pair, near, far, 'question')
    void carry(pair, far, near, 'answer')
  })
  server.on('error', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  /** Carries what one end says to the other, in the state that the cable is in when it comes. */
  async function carry(pair: Pair, from: Socket, to: Socket, way: 'question' | 'answer'): Promise<void> {
    try {
      for await (const piece of from.iterator({ destroyOnReturn: false })) {
        while (trouble === 'silent') await changed
        if (trouble === 'slow') await pause(LATE, undefined, { ref: false })
        if (trouble === 'deaf' && way === 'answer') pair.spoilt = true
        if (pair.spoilt && way === 'answer') continue
        if (!to.write(piece)) await once(to, 'drain')
      }
      if (!pair.spoilt) to.end()
    } catch {
      to.destroy() // the other end went away
    }
  }

  let { promise: changed, resolve: change } = Promise.withResolvers<void>()
  const become = (now: Trouble | undefined): void => {
    trouble = now
    change()
    ;({ promise: changed, resolve: change } = Promise.withResolvers<void>())
  }
  const breakAll = (which: (pair: Pair) => boolean): void => {
    for (const pair of pairs)
      if (which(pair)) {
        pair.near.resetAndDestroy()
        pair.far.destroy()
      }
  }

  return {
    name,
    address: `127.0.0.1:${port}`,
    /** Where it leads, `host:port`; before that nobody gets through. */
    leadTo: (address: string): void => {
      const { hostname, port } = new URL(`tcp://${address}`)
      target = { host: hostname, port: Number(port) }
    },
    trouble: (now: Trouble): void => {
      become(now)
      if (now === 'cut') breakAll(() => true)
    },
    mend: (): void => {
      become(undefined)
      breakAll(({ spoilt }) => spoilt)
    },
    close: async (): Promise<void> => {
      become(undefined)
      breakAll(() => true)
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
