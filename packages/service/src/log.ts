import type { FastifyBaseLogger } from 'fastify'
import { pino, stdTimeFunctions, type LoggerOptions } from 'pino'
import { traceId } from './trace.ts'

export type Logger = Pick<FastifyBaseLogger, 'debug' | 'info' | 'warn' | 'error' | 'fatal'>

/**
 * A service's log: JSON lines on standard output, each with the service's name, the time in ISO 8601 and, inside a
 * request or a message, its traceId. People are never in it: ids are.
 */
export const logger = (service: string, level: string) => pino(loggerOptions(service, level))

export const loggerOptions = (service: string, level: string): LoggerOptions => ({
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
