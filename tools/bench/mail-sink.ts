// A mail server in a separate process that accepts every e-mail, records its time of arrival, and discards it.
import { startMailServer } from '@halles/notification-service/test/mail-server'
import { serveParent } from './child-process.ts'
import { wallClock } from './measure.ts'

/** The order and the wall-clock time of arrival of each e-mail since the last request. */
export type Arrivals = [orderId: string, at: number][]

const server = await startMailServer({}, Number(process.argv[2]))
let arrivals: Arrivals = []
server.answers.data = ({ headers }) => {
  const [, orderId = ''] = headers.find(([name]) => name.toLowerCase() === 'x-order-id') ?? []
  arrivals.push([orderId, wallClock()])
  server.caught.length = 0
  return undefined
}

serveParent(async (): Promise<Arrivals> => {
  const received = arrivals
  arrivals = []
  return received
})
