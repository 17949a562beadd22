import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { registrationInput, testSettings } from '../../test/FIX'
import { createApp } from '../app.ts'

let app: Awaited<ReturnType<typeof createApp>>
beforeAll(async () => void (app = await createApp(testSettings())))
afterAll(() => app.close())

/** How the gateway passes on what a browser asked of the shop. */
const host = { host: 'auth-service:4001', 'x-forwarded-host': 'halles.example' }
const samePage = { ...host, origin: 'https://halles.example' }

const post = (url: string, headers: Record<string, string> = {}, payload?: object) =>
  app.inject({ method: 'POST', url, headers, ...(payload && { payload }) })

/** Signs someone new in as a browser would, and gives the cookie back as it sends it. */
async function signedIn(): Promise<{ cookie: string }> {
  const answer = await post('/register', host, { ...registrationInput(), cookie: true })
  return { cookie: cookieOf(answer) }
}

const cookieOf = (answer: { headers: object }): string =>
  String((answer.headers as Record<string, unknown>)['set-cookie']).split(';')[0]!

describe('a refresh token in a cookie', () => {
  it.each(['/register', '/login'])('comes from %s when asked for, out of reach of scripts', async (url) => {
    const { name, ...wish } = registrationInput()
    if (url === '/login') await post('/register', {}, { ...wish, name })
    const answer = await post(url, host, { ...wish, ...(url === '/register' && { name }), cookie: true })
    expect(answer.json()).not.toHaveProperty('refreshToken')
    expect(answer.json()).toHaveProperty('accessToken')
    const [value, ...attributes] = String(answer.headers['set-cookie']).split('; ')
    expect(value).toMatch(/^halles_refresh=[\w.-]+$/)
    expect(attributes.sort()).toEqual(['HttpOnly', 'Max-Age=2592000', 'Path=/api', 'SameSite=Strict', 'Secure'])
  })

  it('is not set unless asked for', async () => {
    const answer = await post('/register', host, { ...registrationInput(), cookie: false })
    expect(answer.headers).not.toHaveProperty('set-cookie')
    expect(answer.json()).toHaveProperty('refreshToken')
  })

  it('is taken by /refresh without a body, and replaced by its successor', async () => {
    const { cookie } = await signedIn()
    const answer = await post('/refresh', { ...samePage, cookie })
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).not.toHaveProperty('refreshToken')
    const next = cookieOf(answer)
    expect(next).not.toBe(cookie)
    expect((await post('/refresh', { ...samePage, cookie: next })).statusCode).toBe(200)
  })

  it('is taken by /logout without a body, and removed', async () => {
    const { cookie } = await signedIn()
    const answer = await post('/logout', { ...samePage, cookie })
    expect(answer.statusCode).toBe(204)
    expect(answer.headers['set-cookie']).toMatch(/^halles_refresh=; Max-Age=0; Path=\/api; .*HttpOnly; Secure/)
    expect((await post('/refresh', { ...samePage, cookie })).json()).toMatchObject({ code: 'UNAUTHENTICATED' })
  })

  it('gives way to a token in the body', async () => {
    const { cookie } = await signedIn()
    const own = (await post('/register', {}, registrationInput())).json()
    const answer = await post('/refresh', { cookie }, { refreshToken: own.refreshToken })
    expect(answer.json()).toMatchObject({ user: own.user, refreshToken: expect.any(String) })
    expect(answer.headers).not.toHaveProperty('set-cookie')
  })
})

describe('the origin of who sends the cookie', () => {
  it.each([
    ['the same', samePage],
    ['the same, on a port', { 'x-forwarded-host': '127.0.0.1:4000', origin: 'http://127.0.0.1:4000' }],
    ['the same, without a gateway', { host: 'localhost:4001', origin: 'http://localhost:4001' }],
    ['the same, through two proxies', { ...samePage, 'x-forwarded-host': 'halles.example, gateway:4000' }],
    ['the same, with its scheme told', { ...samePage, 'x-forwarded-proto': 'https' }],
    ['the same, TLS having ended before the gateway', { ...samePage, 'x-forwarded-proto': 'http' }],
    ['the same, its usual port written out', { ...samePage, 'x-forwarded-host': 'halles.example:443' }],
  ])('may be %s', async (_which, headers) => {
    const { cookie } = await signedIn()
    expect((await post('/refresh', { ...headers, cookie })).statusCode).toBe(200)
  })

  it.each([
    ['another', { ...host, origin: 'https://evil.example' }],
    ['a subdomain', { ...host, origin: 'https://x.halles.example' }],
    ['another port', { ...host, origin: 'https://halles.example:8443' }],
    ['without TLS, where there is TLS', { ...host, origin: 'http://halles.example', 'x-forwarded-proto': 'https' }],
    ['another, named in full', { ...host, origin: 'https://halles.example@evil.example' }],
    ['our name inside, not at the gateway', { ...host, origin: 'http://auth-service:4001' }],
    ["an extension's", { ...host, origin: 'chrome-extension://halles.example' }],
    ['a file', { ...host, origin: 'file://' }],
    ['opaque', { ...host, origin: 'null' }],
    ['not told', host],
  ])('may not be %s', async (_which, headers) => {
    const { cookie } = await signedIn()
    for (const url of ['/refresh', '/logout'])
      expect((await post(url, { ...headers, cookie })).json()).toMatchObject({ code: 'FORBIDDEN', status: 403 })
    expect((await post('/refresh', { ...samePage, cookie })).statusCode).toBe(200)
  })
})

describe('without body and cookie', () => {
  it('there is nothing to refresh', async () => {
    expect((await post('/refresh', samePage)).json()).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect((await post('/refresh')).json()).toMatchObject({ code: 'UNAUTHENTICATED' })
  })

  it('whoever signs out is signed out', async () => {
    expect((await post('/logout')).statusCode).toBe(204)
  })
})

it.each(['/refresh', '/logout'])('%s with a body takes a token and nothing else', async (url) => {
  for (const [body, path] of [
    [{}, '/refreshToken'],
    [{ refreshToken: 1 }, '/refreshToken'],
    [{ refreshToken: 'a', more: 1 }, '/more'],
  ] as const) {
    const answer = (await post(url, samePage, body)).json()
    expect(answer).toMatchObject({ code: 'VALIDATION_FAILED' })
    expect(answer.errors[0].path).toBe(path)
  }
})
