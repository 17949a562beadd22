// A mail server that takes every letter, notes when, and throws it away; a process of its own.
import { mailServer } from '@halles/notification-service/test/mail-server'
import { answering } from './child.ts'
import { wallClock } from './measure.ts'

/** Since the last time it was asked: the order of each letter that came, and when. */
export type Arrivals = [orderId: string, at: number][]

const server = await mailServer({}, Number(process.argv[2]))
let arrivals: Arrivals = []
server.answers.data = ({ headers }) => {
  const [, orderId = ''] = headers.find(([name]) => name.toLowerCase() === 'x-order-id') ?? []
  arrivals.push([orderId, wallClock()])
  server.caught.length = 0
  return undefined
}

answering(async (): Promise<Arrivals> => {
  const seen = arrivals
  arrivals = []
  return seen
})
