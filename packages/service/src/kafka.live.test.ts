import { randomUUID } from 'node:crypto'
import { eventually } from '@halles/testkit/wait'
import { afterAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { kafkaAt, type Incoming } from './kafka.ts'
import { logger } from './log.ts'

const kafka = kafkaAt(inject('kafka'), 'kafka-test', logger('test', 'silent'))
const publisher = kafka.publisher()
afterAll(() => publisher.close())

describe('a topic', () => {
  it('gives what was sent, in order within a key, with its headers', async () => {
    const topic = `t-${randomUUID()}`
    await kafka.ensureTopic(topic, 3)
    await kafka.ensureTopic(topic, 3)
    const sent = Array.from({ length: 20 }, (_, i) => ({
      key: `k${i % 4}`,
      value: `${i} Reçue`,
      headers: { n: `${i}` },
    }))
    await Promise.all([publisher.send(topic, sent.slice(0, 12)), publisher.send(topic, sent.slice(12))])

    const came: Incoming[] = []
    const listener = await kafka.listen({ groupId: topic, topic, onBatch: async (batch) => void came.push(...batch) })
    onTestFinished(() => listener.close())
    await eventually('all came', () => came.length === sent.length)
    for (const key of ['k0', 'k1', 'k2', 'k3']) {
      const of = (list: { key: string | null; value: string | null }[]) =>
        list.filter((m) => m.key === key).map((m) => m.value)
      expect(of(came)).toEqual(of(sent))
    }
    expect(came.every(({ value, headers }) => value === `${headers['n']} Reçue`)).toBe(true)
  })

  it('gives the bytes as they came, text or not, with a key or without', async () => {
    const topic = `t-${randomUUID()}`
    await kafka.ensureTopic(topic, 1)
    const bytes = Buffer.from([0xff, 0x00, 0xc3])
    await publisher.send(topic, [
      { key: null, value: bytes },
      { key: 'gone', value: null },
    ])
    const came: Incoming[] = []
    const listener = await kafka.listen({ groupId: topic, topic, onBatch: async (batch) => void came.push(...batch) })
    onTestFinished(() => listener.close())
    await eventually('both came', () => came.length === 2)
    expect(came).toMatchObject([
      { key: null, bytes },
      { key: 'gone', value: null, bytes: null },
    ])
  })

  it('is no longer waited for when told to stop', async () => {
    const stop = new AbortController()
    const waiting = kafkaAt('127.0.0.1:1', 'kafka-test', logger('test', 'silent')).ensureTopic('t', 1, stop.signal)
    stop.abort(new Error('stopping'))
    await expect(waiting).rejects.toThrow('stopping')
  })

  it('gives again what was not taken', async () => {
    const topic = `t-${randomUUID()}`
    await kafka.ensureTopic(topic, 1)
    await publisher.send(topic, [{ key: 'a', value: 'one' }])
    const tries: string[] = []
    const listener = await kafka.listen({
      groupId: topic,
      topic,
      onBatch: async (batch) => {
        tries.push(...batch.map(({ value }) => value!))
        if (tries.length < 3) throw new Error('not yet')
      },
    })
    onTestFinished(() => listener.close())
    await eventually('a third try', () => tries.length === 3)
    expect(tries).toEqual(['one', 'one', 'one'])
  })
})

it('is known to be away', async () => {
  await expect(kafkaAt('127.0.0.1:1', 'kafka-test', logger('test', 'silent')).ping()).rejects.toThrow(/ECONNREFUSED/)
  await kafka.ping()
})

it('does not keep a service that stops while it is away', async () => {
  const away = kafkaAt('127.0.0.1:1', 'kafka-test', logger('test', 'silent')).publisher()
  const started = Date.now()
  const [sent] = await Promise.allSettled([away.send('t', [{ key: 'a', value: 'one' }]), away.close()])
  expect(Date.now() - started).toBeLessThan(4000)
  expect(sent.status).toBe('rejected')
  await expect(away.send('t', [{ key: 'a', value: 'two' }])).rejects.toThrow('closed')
})

it('does not keep a service that stops while a batch is stuck', async () => {
  const topic = `t-${randomUUID()}`
  await kafka.ensureTopic(topic, 1)
  await publisher.send(topic, [{ key: 'a', value: 'one' }])
  const { promise: stuck, resolve } = Promise.withResolvers<void>()
  let heard = false
  const onBatch = (): Promise<void> => {
    heard = true
    return stuck
  }
  const listener = await kafka.listen({ groupId: topic, topic, onBatch })
  await eventually('the batch is heard', () => heard)
  const started = Date.now()
  await listener.close()
  expect(Date.now() - started).toBeLessThan(4000)
  resolve()
})
