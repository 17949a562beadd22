import type { FastifyBaseLogger } from 'fastify'
import { pino, stdTimeFunctions, type LoggerOptions } from 'pino'
import { traceId } from './trace.ts'

export type Logger = Pick<FastifyBaseLogger, 'debug' | 'info' | 'warn' | 'error' | 'fatal'>

/**
 * Creates a service's logger: JSON lines on standard output with the service's name, the time in ISO 8601 and, within a trace,
 * the traceId. Log ids of people, never names or addresses.
 */
export const createLogger = (service: string, level: string) => pino(toLoggerOptions(service, level))

export const toLoggerOptions = (service: string, level: string): LoggerOptions => ({
  level,
  base: { service },
  timestamp: stdTimeFunctions.isoTime,
  formatters: { level: (label) => ({ level: label }) },
  mixin: () => {
    const id = traceId()
    return id === undefined ? {} : { traceId: id }
  },
  redact: { paths: ['authorization', '*.authorization', 'password', '*.password', 'email', '*.email'], censor: '…' },
})
