import { AppError } from '@halles/errors/app-error'
import type { IncomingHttpHeaders } from 'node:http'

/** A whole response. `headers` are given where they matter. */
export type UpstreamResponse = { status: number; text: string; headers?: IncomingHttpHeaders }

const UNAVAILABLE_MESSAGE = 'This part cannot be answered right now.'
const TIMEOUT_MESSAGE = 'This part took too long to answer.'

/** An `UNAVAILABLE` error that names no service. */
export const createUnavailableError = (cause?: unknown): AppError =>
  new AppError('UNAVAILABLE', UNAVAILABLE_MESSAGE, { cause })

/** A `TIMEOUT` error that names no service. */
export const createTimeoutError = (cause?: unknown): AppError => new AppError('TIMEOUT', TIMEOUT_MESSAGE, { cause })

/** Whether an open connection broke: the service restarts, or closed it at that very moment. */
export const isConnectionReset = (error: unknown): boolean =>
  resetCodes.has((error as NodeJS.ErrnoException | null)?.code ?? '')

const resetCodes = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'])

const timeoutCodes = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'])

/** Converts an error of undici to one that a client may see: `TIMEOUT`, else `UNAVAILABLE`. Clients never see the cause. */
export function toUpstreamError(error: unknown): AppError {
  if (error instanceof AppError) return error
  return timeoutCodes.has((error as NodeJS.ErrnoException | null)?.code ?? '')
    ? createTimeoutError(error)
    : createUnavailableError(error)
}
