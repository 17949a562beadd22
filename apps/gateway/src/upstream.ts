import { Refusal } from '@halles/service/refusal'
import type { Dispatcher } from 'undici'
import { addressesOf } from './addresses.ts'

export type Upstream = ReturnType<typeof upstreamAt>

/** What a POST was answered. */
export type Answer = { status: number; text: string }

/**
 * A service that the gateway asks over HTTP, at one or several addresses, on connections that are kept open.
 *
 * @param within how long an answer may take in all, in milliseconds
 */
export function upstreamAt(urls: readonly string[], within: number, patience: number, told: (away: boolean) => void) {
  const { dispatcher, alive, close } = addressesOf(urls, { within, patience, told })
  return {
    dispatcher,
    within,

    /**
     * Posts JSON and gives back status and text of the answer, whatever they are.
     *
     * @param repeatable whether it may be sent once more when the connection broke before an answer
     * @throws Refusal `UNAVAILABLE`, `TIMEOUT`
     */
    async post(path: string, headers: Record<string, string>, body: string, repeatable: boolean): Promise<Answer> {
      try {
        return await send(dispatcher, { path, method: 'POST', headers, body }, within)
      } catch (error) {
        if (!repeatable || !brokenOff(error)) throw upstreamRefusal(error)
      }
      return send(dispatcher, { path, method: 'POST', headers, body }, within).catch((error: unknown) => {
        throw upstreamRefusal(error)
      })
    },

    /** Rejects when the service is not alive. */
    alive,

    close,
  }
}

/** undici's lowest level: half the cost of `pool.request` and a body stream, and a time limit over all of it. */
function send(to: Dispatcher, request: Dispatcher.DispatchOptions, within: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let status = 0
    let late: Refusal | undefined
    let begun: Dispatcher.DispatchController | undefined
    const chunks: Buffer[] = []
    const timer = setTimeout(() => {
      late = new Refusal('TIMEOUT', TOO_LATE)
      begun?.abort(late)
      reject(late) // also when it still waits for a connection
    }, within)
    to.dispatch(
      { ...request, headersTimeout: 0, bodyTimeout: 0 },
      {
        onRequestStart: (controller) => {
          begun = controller
          if (late) controller.abort(late) // no one waits for it any more: it must not be sent
        },
        onResponseStart: (_controller, statusCode) => {
          status = statusCode
        },
        onResponseData: (_controller, chunk) => {
          chunks.push(chunk)
        },
        onResponseEnd: () => {
          clearTimeout(timer)
          resolve({ status, text: (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString('utf8') })
        },
        onResponseError: (_controller, error) => {
          clearTimeout(timer)
          reject(error)
        },
      },
    )
  })
}

const AWAY = 'This part cannot be answered right now.'
const TOO_LATE = 'This part took too long to answer.'

/** Whether a connection that was there broke off: a service that restarts, or one that closed it at that very moment. */
export const brokenOff = (error: unknown): boolean => broken.has((error as NodeJS.ErrnoException | null)?.code ?? '')

const broken = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'])

const slow = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'])

/** What a client is told of an upstream that did not answer; the cause stays inside. */
export function upstreamRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  return slow.has((error as NodeJS.ErrnoException | null)?.code ?? '')
    ? new Refusal('TIMEOUT', TOO_LATE, { cause: error })
    : new Refusal('UNAVAILABLE', AWAY, { cause: error })
}
