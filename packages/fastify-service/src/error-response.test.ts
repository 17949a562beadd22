import fastify from 'fastify'
import { expect, it } from 'vitest'
import { handleError } from './error-response.ts'

it('handleError answers INTERNAL with a problem document, also for an error whose code is a number', async () => {
  const app = fastify()
  app.setErrorHandler(handleError)
  app.decorateRequest('trace', undefined as never)
  app.get('/', async () => {
    throw Object.assign(new Error('a bug'), { code: 2 })
  })
  const answer = await app.inject('/')
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
  expect([answer.statusCode, answer.json()]).toMatchObject([500, { code: 'INTERNAL', type: '/problems/internal' }])
})
