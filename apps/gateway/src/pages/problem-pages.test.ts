import { errorCodes, type ErrorCode, toProblemType } from '@halles/errors/app-error'
import escapeHtml from 'escape-html'
import Fastify from 'fastify'
import { afterAll, describe, expect, it } from 'vitest'
import { registerProblemPages } from './problem-pages.ts'

const app = Fastify()
registerProblemPages(app)
afterAll(() => app.close())

const codes = Object.keys(errorCodes) as ErrorCode[]

describe('/problems', () => {
  it('lists every error code with its HTTP status and a link to its page', async () => {
    const { statusCode, headers, body } = await app.inject('/problems')
    expect(statusCode).toBe(200)
    expect(headers['content-type']).toBe('text/html; charset=utf-8')
    const links = [...body.matchAll(/href="(\/problems\/[^"]+)"><code>(\w+)<\/code><\/a><\/td><td>(\d+)</g)]
    expect(links.map(([, path, code, status]) => [path, code, Number(status)])).toEqual(
      codes.map((code) => [toProblemType(code), code, errorCodes[code].http]),
    )
  })

  it.each(codes)('/problems describes %s: title, HTTP status, meaning and what to do', async (code) => {
    const { statusCode, headers, body } = await app.inject(toProblemType(code))
    expect(statusCode).toBe(200)
    expect(headers['content-type']).toBe('text/html; charset=utf-8')
    expect(headers['content-security-policy']).toContain("default-src 'none'")
    expect(body).toContain(`<h1>${escapeHtml(errorCodes[code].title)}</h1>`)
    expect(body).toContain(`<dd><code>${code}</code></dd>`)
    expect(body).toContain(`<dt>HTTP status</dt><dd>${errorCodes[code].http}</dd>`)
    for (const heading of ['What it means', 'What to do'])
      expect(body).toMatch(new RegExp(`<h2>${heading}</h2>\\s*<p>[^<]`))
  })

  it('writes a problem type in kebab-case', () => {
    expect(toProblemType('INSUFFICIENT_STOCK')).toBe('/problems/insufficient-stock')
    expect(new Set(codes.map(toProblemType)).size).toBe(codes.length)
  })

  it.each(['nothing', 'INSUFFICIENT_STOCK', 'insufficient_stock', 'toString', 'insufficient-stock/'])(
    '/problems answers 404 for the unknown problem type %s',
    async (type) => {
      expect((await app.inject(`/problems/${type}`)).statusCode).toBe(404)
    },
  )
})
