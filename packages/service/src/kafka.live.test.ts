import { randomUUID } from 'node:crypto'
import { connect, createServer, type AddressInfo } from 'node:net'
import { eventually, inTime } from '@halles/testkit/wait'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { kafkaAt, type Extent, type Incoming, type Recorded } from './kafka.ts'
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

  it('gives a batch once, though it is worked on for longer than a session', async () => {
    const topic = `t-${randomUUID()}`
    await kafka.ensureTopic(topic, 1)
    await publisher.send(topic, [{ key: 'a', value: 'slow' }])
    const came: string[] = []
    const listener = await kafka.listen({
      groupId: topic,
      topic,
      sessionTimeout: 6000,
      onBatch: async (messages) => {
        came.push(...messages.map(({ value }) => value!))
        if (came.at(-1) === 'slow') await new Promise((resolve) => setTimeout(resolve, 8000))
      },
    })
    onTestFinished(() => listener.close())
    await eventually('it came', () => came.length > 0)
    await publisher.send(topic, [{ key: 'a', value: 'next' }])
    await eventually('the next one came', () => came.includes('next'))
    expect(came).toEqual(['slow', 'next'])
  })
})

describe('reading a topic', () => {
  // Others read on the same Kafka.
  const reader = `reader-${randomUUID()}`
  const kafka = kafkaAt(inject('kafka'), reader, logger('test', 'silent'))
  const read = async (topic: string): Promise<{ extents: Extent[]; came: Recorded[] }> => {
    const came: Recorded[] = []
    const extents = await kafka.readTopic({ topic, onBatch: (batch) => void came.push(...batch) })
    return { extents, came }
  }
  const groups = async (): Promise<string[]> => {
    const admin = new Kafka({ brokers: [inject('kafka')], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    try {
      return (await admin.listGroups()).groups.map(({ groupId }) => groupId).filter((id) => id.includes(reader))
    } finally {
      await admin.disconnect()
    }
  }

  it('gives all there is, each partition in order, and leaves no group behind', async () => {
    const topic = `t-${randomUUID()}`
    await kafka.ensureTopic(topic, 3)
    const before = Date.now()
    const sent = Array.from({ length: 500 }, (_, i) => ({ key: `k${i}`, value: `${i} Reçue`, headers: { n: `${i}` } }))
    await publisher.send(topic, sent)
    const { extents, came } = await read(topic)
    expect(new Set(came.map(({ value }) => value))).toEqual(new Set(sent.map(({ value }) => value)))
    expect(came).toHaveLength(sent.length)
    expect(new Set(extents.map(({ partition }) => partition))).toEqual(new Set([0, 1, 2]))
    for (const { partition, from, to } of extents) {
      expect(from).toBe('0')
      const offsets = came.filter((message) => message.partition === partition).map(({ offset }) => Number(offset))
      expect(offsets).toEqual(Array.from({ length: Number(to) }, (_, i) => i))
    }
    for (const { timestamp, headers, value } of came) {
      expect(timestamp.getTime()).toBeGreaterThanOrEqual(before)
      expect(value).toBe(`${headers['n']} Reçue`)
    }
    expect(await groups()).toEqual([])
  })

  it('ends where the topic ended when it began, though more comes meanwhile', async () => {
    const topic = `t-${randomUUID()}`
    await kafka.ensureTopic(topic, 1)
    await publisher.send(topic, [{ key: 'a', value: 'before' }])
    const came: string[] = []
    const extents = await kafka.readTopic({
      topic,
      onBatch: async (batch) => {
        came.push(...batch.map(({ value }) => value!))
        await publisher.send(topic, [{ key: 'a', value: 'after' }])
      },
    })
    expect(came).toEqual(['before'])
    expect(extents).toEqual([{ partition: 0, from: '0', to: '1' }])
  })

  it('says from where on a partition is kept', async () => {
    const topic = `t-${randomUUID()}`
    await kafka.ensureTopic(topic, 1)
    await publisher.send(topic, ['one', 'two', 'three'].map((value) => ({ key: 'a', value }))) // prettier-ignore
    const admin = new Kafka({ brokers: [inject('kafka')], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    await admin.fetchTopicOffsets(topic) // or kafkajs does not know it yet
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '2' }] })
    await admin.disconnect()
    const { extents, came } = await read(topic)
    expect(extents).toEqual([{ partition: 0, from: '2', to: '3' }])
    expect(came.map(({ value }) => value)).toEqual(['three'])
  })

  it('of an empty topic gives nothing, and of one that does not exist not even a partition', async () => {
    const topic = `t-${randomUUID()}`
    await kafka.ensureTopic(topic, 2)
    const { extents, came } = await read(topic)
    expect(came).toEqual([])
    expect(extents).toHaveLength(2)
    expect(await read(`t-${randomUUID()}`)).toEqual({ extents: [], came: [] })
  })

  it('rejects with what its listener says, and when Kafka is away', async () => {
    const topic = `t-${randomUUID()}`
    await kafka.ensureTopic(topic, 1)
    await publisher.send(topic, [{ key: 'a', value: 'one' }])
    const onBatch = (): never => {
      throw new Error('no more')
    }
    await expect(kafka.readTopic({ topic, onBatch })).rejects.toThrow('no more')
    const away = kafkaAt('127.0.0.1:1', 'kafka-test', logger('test', 'silent'))
    await expect(away.readTopic({ topic, onBatch })).rejects.toThrow(/ECONNREFUSED/)
  })
})

it('is known to be away', async () => {
  await expect(kafkaAt('127.0.0.1:1', 'kafka-test', logger('test', 'silent')).ping()).rejects.toThrow(/ECONNREFUSED/)
  await kafka.ping()
})

it('does not keep a service that stops while it is away', async () => {
  const away = kafkaAt('127.0.0.1:1', 'kafka-test', logger('test', 'silent')).publisher()
  const sending = Promise.allSettled([away.send('t', [{ key: 'a', value: 'one' }])])
  await inTime(4000, away.close())
  const [sent] = await sending
  expect(sent.status).toBe('rejected')
  await expect(away.send('t', [{ key: 'a', value: 'two' }])).rejects.toThrow('closed')
})

it('does not keep a service that stops before it has joined, and does not join later', async () => {
  const topic = `t-${randomUUID()}`
  await kafka.ensureTopic(topic, 1)
  let away = true
  const door = createServer((socket) => {
    if (away) return void socket.destroy()
    const [host, port] = inject('kafka').split(':') as [string, string]
    const behind = connect(Number(port), host)
    socket.pipe(behind).on('error', () => socket.destroy())
    behind.pipe(socket).on('error', () => behind.destroy())
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    came++
  })
  const open = new Set<object>()
  let came = 0
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void door.close())
  const { port } = door.address() as AddressInfo

  const hidden = kafkaAt(`127.0.0.1:${port}`, 'kafka-test', logger('test', 'silent'))
  const stop = new AbortController()
  const listening = hidden.listen({ groupId: topic, topic, onBatch: async () => {}, signal: stop.signal })
  stop.abort(new Error('stopping'))
  await expect(inTime(4000, listening)).rejects.toThrow('stopping')

  away = false // and it is back
  await eventually('it has looked, and let go', () => came > 0 && open.size === 0)
  const admin = new Kafka({ brokers: [inject('kafka')], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  const { groups } = await admin.describeGroups([topic])
  await admin.disconnect()
  expect(groups).toMatchObject([{ members: [], state: 'Dead' }])
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
  await expect(inTime(4000, listener.close())).resolves.toBeUndefined()
  resolve()
})
