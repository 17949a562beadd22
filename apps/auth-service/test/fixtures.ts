import { randomUUID } from 'node:crypto'
import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { inject } from 'vitest'
import type { Registration } from '../src/accounts/user.ts'
import { parseConfig, type Settings } from '../src/config.ts'

export type Headers = Record<string, string>

/** Settings of an auth-service with a database of its own, and with rate limits that no test reaches by accident. */
export const testSettings = (more: NodeJS.ProcessEnv = {}): Settings =>
  parseConfig({
    MONGODB_URL: uniqueDatabaseUrl(inject('mongodb'), 'auth'),
    PORT: '0',
    LOG_LEVEL: 'silent',
    THROTTLING_SCALE: '1000',
    ...more,
  })

/** The initial admin, as settings and as credentials. */
export const adminSettings = { ADMIN_EMAIL: 'alix@boutique.test', ADMIN_PASSWORD: 'douze douzaines' }
export const adminCredentials = { email: adminSettings.ADMIN_EMAIL, password: adminSettings.ADMIN_PASSWORD }

/** A clock that only `advance` moves, by milliseconds: on a busy machine, no delay passes unnoticed. */
export function createFrozenClock() {
  let at = Date.now()
  return { now: () => new Date(at), advance: (ms: number) => void (at += ms) }
}

/** A running clock that `advance` moves ahead, by milliseconds. */
export function createClock() {
  let offset = 0
  return { now: () => new Date(Date.now() + offset), advance: (ms: number) => void (offset += ms) }
}

/** The input of a registration, with an address that has no account yet. */
export const registrationInput = (more: Partial<Registration> = {}): Registration => ({
  name: 'Camille Martin',
  email: `${randomUUID()}@example.test`,
  password: 'quatre saisons dans un panier',
  ...more,
})

/** An address that has no account yet. */
export const unusedEmail = (): string => registrationInput().email

export const bearer = (accessToken: string): Headers => ({ authorization: `Bearer ${accessToken}` })

/** The claims of an access token, not verified. */
export const decodeClaims = (accessToken: string) =>
  JSON.parse(Buffer.from(accessToken.split('.')[1]!, 'base64url').toString())
