import { Refusal } from '@halles/service/refusal'
import { Pool, type Dispatcher } from 'undici'

export type Upstream = ReturnType<typeof upstreamAt>

/** What a POST was answered. */
export type Answer = { status: number; text: string }

/** How long opening a connection may take, in milliseconds. */
const CONNECT_WITHIN = 2000

/**
 * A service that the gateway asks over HTTP, on connections that are kept open.
 *
 * @param within how long an answer may take in all, in milliseconds
 */
export function upstreamAt(url: string, within: number) {
  // One request at a time on a connection: an answer must not wait behind a slow one (pipelining).
  const pool = new Pool(url, { pipelining: 1, connections: 256, connectTimeout: Math.min(CONNECT_WITHIN, within) })
  return {
    pool,
    within,

    /**
     * Posts JSON and gives back status and text of the answer, whatever they are.
     *
     * @param repeatable whether it may be sent once more when the connection broke before an answer
     * @throws Refusal `UNAVAILABLE`, `TIMEOUT`
     */
    async post(path: string, headers: Record<string, string>, body: string, repeatable: boolean): Promise<Answer> {
      try {
        return await send(pool, { path, method: 'POST', headers, body }, within)
      } catch (error) {
        if (!repeatable || !brokenOff(error)) throw upstreamRefusal(error)
      }
      return send(pool, { path, method: 'POST', headers, body }, within).catch((error: unknown) => {
        throw upstreamRefusal(error)
      })
    },

    /** Rejects when the service is not alive. */
    async alive(): Promise<void> {
      const { statusCode, body } = await pool.request({
        path: '/healthz',
        method: 'GET',
        headersTimeout: CONNECT_WITHIN,
      })
      await body.dump()
      if (statusCode !== 200) throw new Refusal('UNAVAILABLE', 'not alive')
    },

    close: (): Promise<void> => pool.destroy(),
  }
}

/** undici's lowest level: half the cost of `pool.request` and a body stream, and a time limit over all of it. */
function send(pool: Pool, request: Dispatcher.DispatchOptions, within: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let status = 0
    let begun: Dispatcher.DispatchController | undefined
    const chunks: Buffer[] = []
    const timer = setTimeout(() => {
      const late = new Refusal('TIMEOUT', TOO_LATE)
      begun?.abort(late)
      reject(late) // also when it still waits for a connection
    }, within)
    pool.dispatch(
      { ...request, headersTimeout: 0, bodyTimeout: 0 },
      {
        onRequestStart: (controller) => {
          begun = controller
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
