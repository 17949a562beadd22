import { serviceApp } from '@halles/service/app'
import { keysAt } from '@halles/service/keys'
import { signedIn } from '@halles/service/person'
import { decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bearer, apiClients, registrationInput, testSettings } from '../../test/FIX'
import { createApp } from '../app.ts'

const settings = testSettings({ ACCESS_TOKEN_SECONDS: '60' })
let auth: Awaited<ReturnType<typeof createApp>>
let peer: typeof auth
beforeAll(async () => {
  auth = await createApp(settings)
  const address = await auth.listen({ host: '127.0.0.1', port: 0 })
  peer = await serviceApp({
    name: 'peer-service',
    logLevel: 'silent',
    keyOf: keysAt(`${address}/.well-known/jwks.json`),
    issuer: settings.JWT_ISSUER,
    audience: settings.JWT_AUDIENCE,
    needs: {},
  })
  peer.get('/me', async ({ person }) => signedIn(person))
})
afterAll(() => Promise.all([auth.close(), peer.close()]))

describe('an access token', () => {
  it('tells every service who asks, by the keys that are published', async () => {
    const { value: session } = await apiClients.REST(auth).register(registrationInput({ name: 'Éloïse 李' }))
    const { createdAt: _createdAt, active: _active, emailVerified: _verified, ...seen } = session.user
    const answer = await peer.inject({ url: '/me', headers: bearer(session.accessToken) })
    expect(answer.json()).toEqual({ ...seen, sid: expect.any(String) })
  })

  it('names its algorithm, its kind and its key', async () => {
    const { value: session } = await apiClients.REST(auth).register(registrationInput())
    const answer = await auth.inject('/.well-known/jwks.json')
    const [{ kid }] = answer.json().keys
    expect(decodeProtectedHeader(session.accessToken)).toEqual({ alg: 'ES256', typ: 'at+jwt', kid })
    expect(answer.headers['cache-control']).toBe('public, max-age=300')
  })

  it('is good for as long as is set', async () => {
    const { value: session } = await apiClients.REST(auth).register(registrationInput())
    expect(session.expiresIn).toBe(60)
    const { iat, exp } = JSON.parse(Buffer.from(session.accessToken.split('.')[1], 'base64url').toString())
    expect(exp - iat).toBe(60)
  })

  it('is no good with another issuer', async () => {
    const elsewhere = await createApp({ ...settings, JWT_ISSUER: 'elsewhere' })
    const { value: session } = await apiClients.REST(elsewhere).register(registrationInput())
    await elsewhere.close()
    expect((await peer.inject({ url: '/me', headers: bearer(session.accessToken) })).statusCode).toBe(401)
  })
})
