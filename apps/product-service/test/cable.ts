import { connect, createServer, type Socket } from 'node:net'

/**
 * A cable between a service and the MongoDB server at `url`, which tests pull out. Gives the URL by which the service
 * reaches the same database through it.
 */
export async function cableTo(url: string) {
  const { hostname, port } = new URL(url)
  const ends = new Set<Socket>()
  let watched: string | undefined
  let cuts = 0
  let out = false

  const server = createServer((near) => {
    if (out) return void near.destroy()
    const far = connect(Number(port), hostname)
    ends.add(near).add(far)
    let doomed = false
    near.on('data', (chunk) => {
      doomed ||= watched !== undefined && cuts > 0 && chunk.includes(watched)
      far.write(chunk)
    })
    far.on('data', (chunk) => {
      if (!doomed) return void near.write(chunk)
      cuts-- // the server has done it, and no one hears of it
      near.destroy()
    })
    const done = (): void => {
      near.destroy()
      far.destroy()
      ends.delete(near)
      ends.delete(far)
    }
    for (const end of [near, far]) end.on('close', done).on('error', done)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const pullOut = (): void => {
    out = true
    for (const end of ends) end.destroy()
  }

  const through = new URL(url)
  through.host = `127.0.0.1:${(server.address() as { port: number }).port}`
  through.search = 'directConnection=true'
  return {
    url: through.href,
    /** Loses the answers to the next commands of this name, so many: they are carried out all the same. */
    loseAnswers: (command: string, times: number): void => {
      watched = command
      cuts = times
    },
    /** How many answers are still to be lost. */
    left: (): number => cuts,
    pullOut,
    plugIn: (): void => void (out = false),
    close: (): void => {
      pullOut()
      server.close()
    },
  }
}
