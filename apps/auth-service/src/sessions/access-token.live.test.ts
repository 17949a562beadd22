import { decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { apiClients } from '../../test/api-clients.ts'
import { bearer, decodeClaims, registrationInput, testSettings } from '../../test/fixtures.ts'
import { createPeerService } from '../../test/peer-service.ts'
import { createApp } from '../app.ts'

const settings = testSettings({ ACCESS_TOKEN_SECONDS: '60' })
let auth: Awaited<ReturnType<typeof createApp>>
let peer: typeof auth
beforeAll(async () => {
  auth = await createApp(settings)
  const address = await auth.listen({ host: '127.0.0.1', port: 0 })
  peer = await createPeerService(address, settings)
})
afterAll(() => Promise.all([auth.close(), peer.close()]))

describe('access token', () => {
  it('authenticates a user in every service that has the published keys', async () => {
    const { value: session } = await apiClients.REST(auth).register(registrationInput({ name: 'Éloïse 李' }))
    const { createdAt: _createdAt, active: _active, emailVerified: _verified, ...claims } = session.user
    const response = await peer.inject({ url: '/me', headers: bearer(session.accessToken) })
    expect(response.json()).toEqual({ ...claims, sid: expect.any(String) })
  })

  it('has its algorithm, type and key id in the header', async () => {
    const { value: session } = await apiClients.REST(auth).register(registrationInput())
    const response = await auth.inject('/.well-known/jwks.json')
    const [{ kid }] = response.json().keys
    expect(decodeProtectedHeader(session.accessToken)).toEqual({ alg: 'ES256', typ: 'at+jwt', kid })
    expect(response.headers['cache-control']).toBe('public, max-age=300')
  })

  it('expires after ACCESS_TOKEN_SECONDS', async () => {
    const { value: session } = await apiClients.REST(auth).register(registrationInput())
    expect(session.expiresIn).toBe(60)
    const { iat, exp } = decodeClaims(session.accessToken)
    expect(exp - iat).toBe(60)
  })

  it('is rejected with another issuer', async () => {
    const elsewhere = await createApp({ ...settings, JWT_ISSUER: 'elsewhere' })
    const { value: session } = await apiClients.REST(elsewhere).register(registrationInput())
    await elsewhere.close()
    expect((await peer.inject({ url: '/me', headers: bearer(session.accessToken) })).statusCode).toBe(401)
  })
})
