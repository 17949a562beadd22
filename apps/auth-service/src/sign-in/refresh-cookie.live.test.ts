import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { registrationInput, testSettings } from '../../test/fixtures.ts'
import { createApp } from '../app.ts'

let app: Awaited<ReturnType<typeof createApp>>
beforeAll(async () => void (app = await createApp(testSettings())))
afterAll(() => app.close())

/** The headers by which the gateway forwards a browser's request. */
const forwarded = { host: 'auth-service:4001', 'x-forwarded-host': 'halles.example' }
const sameOrigin = { ...forwarded, origin: 'https://halles.example' }

const post = (url: string, headers: Record<string, string> = {}, payload?: object) =>
  app.inject({ method: 'POST', url, headers, ...(payload && { payload }) })

/** Registers a user as a browser does, and returns the headers with the cookie. */
async function registerWithCookie(headers: Record<string, string> = sameOrigin): Promise<{ cookie: string }> {
  const response = await post('/register', headers, { ...registrationInput(), cookie: true })
  return { cookie: readSetCookie(response) }
}

const readSetCookie = (response: { headers: object }): string =>
  String((response.headers as Record<string, unknown>)['set-cookie']).split(';')[0]!

describe('refresh cookie', () => {
  it.each(['/register', '/login'])('is set by %s on request, inaccessible to scripts', async (url) => {
    const { name, ...credentials } = registrationInput()
    if (url === '/login') await post('/register', {}, { ...credentials, name })
    const response = await post(url, sameOrigin, { ...credentials, ...(url === '/register' && { name }), cookie: true })
    expect(response.json()).not.toHaveProperty('refreshToken')
    expect(response.json()).toHaveProperty('accessToken')
    const [value, ...attributes] = String(response.headers['set-cookie']).split('; ')
    expect(value).toMatch(/^__Secure-halles_refresh=[\w.-]+$/)
    expect(attributes.sort()).toEqual(['HttpOnly', 'Max-Age=2592000', 'Path=/api', 'SameSite=Strict', 'Secure'])
  })

  it('is not set without a request for it', async () => {
    const response = await post('/register', forwarded, { ...registrationInput(), cookie: false })
    expect(response.headers).not.toHaveProperty('set-cookie')
    expect(response.json()).toHaveProperty('refreshToken')
  })

  it('is read by /refresh without a body, and replaced by its successor', async () => {
    const { cookie } = await registerWithCookie()
    const response = await post('/refresh', { ...sameOrigin, cookie })
    expect(response.statusCode).toBe(200)
    expect(response.json()).not.toHaveProperty('refreshToken')
    const next = readSetCookie(response)
    expect(next).not.toBe(cookie)
    expect((await post('/refresh', { ...sameOrigin, cookie: next })).statusCode).toBe(200)
  })

  it('is read by /logout without a body, and removed', async () => {
    const { cookie } = await registerWithCookie()
    const response = await post('/logout', { ...sameOrigin, cookie })
    expect(response.statusCode).toBe(204)
    expect(response.headers['set-cookie']).toMatch(
      /^__Secure-halles_refresh=; Max-Age=0; Path=\/api; .*HttpOnly; Secure/,
    )
    expect((await post('/refresh', { ...sameOrigin, cookie })).json()).toMatchObject({ code: 'UNAUTHENTICATED' })
  })

  it.each<[string, Record<string, string>, RegExp]>([
    ['an https page', sameOrigin, /^__Secure-halles_refresh=/],
    ['a proxy that ends TLS', { ...forwarded, 'x-forwarded-proto': 'https' }, /^__Secure-halles_refresh=/],
    ['a page without TLS', { host: '127.0.0.1:4001', origin: 'http://127.0.0.1:4001' }, /^halles_refresh=/],
    ['a client without an origin', forwarded, /^halles_refresh=/],
  ])('has the prefix __Secure- where TLS is: %s', async (_client, headers, expected) => {
    expect((await registerWithCookie(headers)).cookie).toMatch(expected)
  })

  it('of a page without TLS is not read over TLS, where anyone on the network could have set it', async () => {
    const { cookie } = await registerWithCookie(forwarded)
    const response = await post('/refresh', { ...sameOrigin, cookie })
    expect(response.json()).toMatchObject({ code: 'UNAUTHENTICATED' })
  })

  it('is ignored when the body has a token', async () => {
    const { cookie } = await registerWithCookie()
    const own = (await post('/register', {}, registrationInput())).json()
    const response = await post('/refresh', { cookie }, { refreshToken: own.refreshToken })
    expect(response.json()).toMatchObject({ user: own.user, refreshToken: expect.any(String) })
    expect(response.headers).not.toHaveProperty('set-cookie')
  })
})

describe('refresh cookie: origin of the page', () => {
  it.each([
    ['the same', sameOrigin],
    ['the same, on a port', { 'x-forwarded-host': '127.0.0.1:4000', origin: 'http://127.0.0.1:4000' }],
    ['the same, without a gateway', { host: 'localhost:4001', origin: 'http://localhost:4001' }],
    ['the same, through two proxies', { ...sameOrigin, 'x-forwarded-host': 'halles.example, gateway:4000' }],
    ['the same, with its scheme forwarded', { ...sameOrigin, 'x-forwarded-proto': 'https' }],
    ['the same, with TLS terminated before the gateway', { ...sameOrigin, 'x-forwarded-proto': 'http' }],
    ['the same, with its default port', { ...sameOrigin, 'x-forwarded-host': 'halles.example:443' }],
  ])('is accepted if it is %s', async (_origin, headers) => {
    const { cookie } = await registerWithCookie(headers)
    expect((await post('/refresh', { ...headers, cookie })).statusCode).toBe(200)
  })

  it.each([
    ['another', { ...forwarded, origin: 'https://evil.example' }],
    ['a subdomain', { ...forwarded, origin: 'https://x.halles.example' }],
    ['another port', { ...forwarded, origin: 'https://halles.example:8443' }],
    ['http: behind TLS', { ...forwarded, origin: 'http://halles.example', 'x-forwarded-proto': 'https' }],
    ['another, with ours as user name', { ...forwarded, origin: 'https://halles.example@evil.example' }],
    ["the service's internal name", { ...forwarded, origin: 'http://auth-service:4001' }],
    ["an extension's", { ...forwarded, origin: 'chrome-extension://halles.example' }],
    ['a file', { ...forwarded, origin: 'file://' }],
    ['opaque', { ...forwarded, origin: 'null' }],
    ['unknown', forwarded],
  ])('is rejected if it is %s', async (_origin, headers) => {
    const { cookie } = await registerWithCookie()
    for (const url of ['/refresh', '/logout'])
      expect((await post(url, { ...headers, cookie })).json()).toMatchObject({ code: 'FORBIDDEN', status: 403 })
    expect((await post('/refresh', { ...sameOrigin, cookie })).statusCode).toBe(200)
  })
})

describe('without body and cookie,', () => {
  it('/refresh responds UNAUTHENTICATED', async () => {
    expect((await post('/refresh', sameOrigin)).json()).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect((await post('/refresh')).json()).toMatchObject({ code: 'UNAUTHENTICATED' })
  })

  it('/logout succeeds', async () => {
    expect((await post('/logout')).statusCode).toBe(204)
  })
})

it.each(['/refresh', '/logout'])('%s rejects a body with anything but a token', async (url) => {
  for (const [body, path] of [
    [{}, '/refreshToken'],
    [{ refreshToken: 1 }, '/refreshToken'],
    [{ refreshToken: 'a', more: 1 }, '/more'],
  ] as const) {
    const problem = (await post(url, sameOrigin, body)).json()
    expect(problem).toMatchObject({ code: 'VALIDATION_FAILED' })
    expect(problem.errors[0].path).toBe(path)
  }
})
