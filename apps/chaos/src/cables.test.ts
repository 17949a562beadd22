import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { eventually } from '@halles/testkit/wait'
import { layCable, type Cable } from './cables.ts'

let server: Server
let cable: Cable
let beside: Cable
let heard: string
const clients: Socket[] = []

beforeEach(async () => {
  heard = ''
  server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (piece) => {
      heard += String(piece)
      socket.write(`re: ${String(piece)}`)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  cable = await layCable('test')
  beside = await layCable('beside')
  for (const one of [cable, beside]) one.leadTo(`127.0.0.1:${(server.address() as AddressInfo).port}`)
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  await Promise.all([cable.close(), beside.close()])
  server.close()
})

/** A client that is through, what it got, and whether its connection stands. */
async function client(through = cable) {
  const { hostname, port } = new URL(`tcp://${through.address}`)
  const socket = connect(Number(port), hostname)
  clients.push(socket)
  const state = { socket, got: '', open: true }
  socket.on('data', (piece) => (state.got += String(piece)))
  socket.on('error', () => {})
  socket.on('close', () => (state.open = false))
  await once(socket, 'connect').catch(() => {})
  return state
}

const said = async (of: Awaited<ReturnType<typeof client>>, what: string): Promise<void> => {
  of.socket.write(what)
  await eventually(`an answer to ${what}`, () => of.got.includes(`re: ${what}`))
}

it('carries both ways, and an end', async () => {
  const one = await client()
  await said(one, 'bonjour')
  one.socket.end()
  await eventually('the end', () => !one.open)
  expect(one.got).toBe('re: bonjour')
})

it('that is cut breaks what is there and lets nobody through, until it is mended', async () => {
  const one = await client()
  await said(one, 'one')
  cable.trouble('cut')
  await eventually('a broken connection', () => !one.open)
  const two = await client()
  await eventually('nobody gets through', () => !two.open)
  expect(two.got).toBe('')
  cable.mend()
  await said(await client(), 'three')
})

it('that is silent holds everything back, and lets it come later', async () => {
  const one = await client()
  await said(one, 'one')
  cable.trouble('silent')
  one.socket.write('two')
  await said(await client(beside), 'beside')
  expect(heard).toBe('onebeside')
  cable.mend()
  await eventually('what was held back', () => one.got.endsWith('re: two'))
})

it('that is slow brings everything in order', async () => {
  cable.trouble('slow')
  const one = await client()
  const began = performance.now()
  for (const what of ['a', 'b', 'c']) await said(one, what)
  expect(performance.now() - began).toBeGreaterThan(600)
  expect(one.got).toBe('re: are: bre: c')
})

it('that is deaf brings the question and loses the answer', async () => {
  const one = await client()
  await said(one, 'one')
  cable.trouble('deaf')
  one.socket.write('two')
  await eventually('the question', () => heard === 'onetwo')
  cable.mend()
  await eventually('a broken connection', () => !one.open)
  expect(one.got).toBe('re: one')
})
