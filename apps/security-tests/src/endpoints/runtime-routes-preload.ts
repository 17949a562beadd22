// For `node --import`: records the routes that a Fastify server has registered when it listens, as a line of JSON in the file
// that this module's URL names. runtime-routes.ts reads them.
import { subscribe } from 'node:diagnostics_channel'
import { appendFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'

const file = new URL(import.meta.url).searchParams.get('file')!

subscribe('fastify.initialization', (message) => {
  const { fastify } = message as { fastify: FastifyInstance }
  const routes: string[] = []
  fastify.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) routes.push(`${one} ${url}`)
  })
  fastify.addHook('onListen', (done) => {
    const { port } = fastify.server.address() as AddressInfo
    appendFileSync(file, `${JSON.stringify({ port, routes })}\n`)
    done()
  })
})
