import { randomUUID } from 'node:crypto'
import { connect, createServer, type AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { eventually, rejectAfter } from '@halles/test-fixtures/wait'
import { ConfigResourceTypes, Kafka, logLevel } from 'kafkajs'
import { afterAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { createKafka, type OffsetRange, type IncomingMessage, type TimestampedMessage } from './kafka.ts'
import { createLogger } from '@halles/telemetry/log'

const kafka = createKafka(inject('kafka'), 'kafka-test', createLogger('test', 'silent'))
const publisher = kafka.publisher()
afterAll(() => publisher.close())

describe('a consumer', () => {
  it('receives all messages with their headers, in order within a key', async () => {
    const topic = `t-${randomUUID()}`
    await kafka.ensureTopic(topic, 3)
    await kafka.ensureTopic(topic, 3)
    const sent = Array.from({ length: 20 }, (_, i) => ({
      key: `k${i % 4}`,
      value: `${i} Reçue`,
      headers: { n: `${i}` },
    }))
    await Promise.all([publisher.send(topic, sent.slice(0, 12)), publisher.send(topic, sent.slice(12))])

    const received: IncomingMessage[] = []
    const consumer = await kafka.consume({
      groupId: topic,
      topic,
      onBatch: async (batch) => void received.push(...batch),
    })
    onTestFinished(() => consumer.close())
    await eventually('all messages are received', () => received.length === sent.length)
    for (const key of ['k0', 'k1', 'k2', 'k3']) {
      const valuesOfKey = (list: { key: string | null; value: string | null }[]) =>
        list.filter((m) => m.key === key).map((m) => m.value)
      expect(valuesOfKey(received)).toEqual(valuesOfKey(sent))
    }
    expect(received.every(({ value, headers }) => value === `${headers['n']} Reçue`)).toBe(true)
  })

  it('receives the undecoded bytes, with and without a key', async () => {
    const topic = `t-${randomUUID()}`
    await kafka.ensureTopic(topic, 1)
    const bytes = Buffer.from([0xff, 0x00, 0xc3])
    await publisher.send(topic, [
      { key: null, value: bytes },
      { key: 'deleted', value: null },
    ])
    const received: IncomingMessage[] = []
    const consumer = await kafka.consume({
      groupId: topic,
      topic,
      onBatch: async (batch) => void received.push(...batch),
    })
    onTestFinished(() => consumer.close())
    await eventually('both messages are received', () => received.length === 2)
    expect(received).toMatchObject([
      { key: null, bytes },
      { key: 'deleted', value: null, bytes: null },
    ])
  })

  it('receives a batch again whose processing failed', async () => {
    const topic = `t-${randomUUID()}`
    await kafka.ensureTopic(topic, 1)
    await publisher.send(topic, [{ key: 'a', value: 'one' }])
    const attempts: string[] = []
    const consumer = await kafka.consume({
      groupId: topic,
      topic,
      onBatch: async (batch) => {
        attempts.push(...batch.map(({ value }) => value!))
        if (attempts.length < 3) throw new Error('not yet')
      },
    })
    onTestFinished(() => consumer.close())
    await eventually('a third attempt', () => attempts.length === 3)
    expect(attempts).toEqual(['one', 'one', 'one'])
  })

  it('receives a batch once, though its processing outlasts the session timeout', async () => {
    const topic = `t-${randomUUID()}`
    await kafka.ensureTopic(topic, 1)
    await publisher.send(topic, [{ key: 'a', value: 'slow' }])
    const received: string[] = []
    const consumer = await kafka.consume({
      groupId: topic,
      topic,
      sessionTimeout: 6000,
      onBatch: async (messages) => {
        received.push(...messages.map(({ value }) => value!))
        if (received.at(-1) === 'slow') await new Promise((resolve) => setTimeout(resolve, 8000))
      },
    })
    onTestFinished(() => consumer.close())
    await eventually('the message is received', () => received.length > 0)
    await publisher.send(topic, [{ key: 'a', value: 'next' }])
    await eventually('the next message is received', () => received.includes('next'))
    expect(received).toEqual(['slow', 'next'])
  })
})

it('a consumer starts at the given offsets, and receives what was published since they were read', async () => {
  const topic = `t-${randomUUID()}`
  await kafka.ensureTopic(topic, 3)
  const send = (values: string[]) =>
    publisher.send(
      topic,
      values.map((value) => ({ key: value, value })),
    )
  await send(Array.from({ length: 20 }, (_, i) => `before ${i}`))
  const startOffsets = await kafka.endOffsets(topic)
  const since = Array.from({ length: 20 }, (_, i) => `since ${i}`)
  await send(since)
  const received: string[] = []
  const consumer = await kafka.consume({
    groupId: topic,
    topic,
    fromBeginning: false,
    startOffsets,
    onBatch: async (batch) => void received.push(...batch.map(({ value }) => value!)),
  })
  onTestFinished(() => consumer.close())
  await eventually('all messages are received', () => received.length >= since.length)
  expect(received.toSorted()).toEqual(since.toSorted())
})

describe('a consumer of a topic that is deleted and created again', () => {
  it.each([
    ['at once', 0],
    ['after some seconds', 3000],
  ])('receives every message of the new topic, %s', async (_when, pauseMs) => {
    const topic = `t-${randomUUID()}`
    await kafka.ensureTopic(topic, 1)
    const send = (values: string[]) =>
      publisher.send(
        topic,
        values.map((value) => ({ key: 'k', value })),
      )
    await send(['a0', 'a1', 'a2'])
    const received = new Set<string>()
    const consumer = await kafka.consume({
      groupId: topic,
      topic,
      onBatch: async (batch) => batch.forEach(({ value }) => received.add(value!)),
    })
    onTestFinished(() => consumer.close())
    await eventually('the old messages are received', () => received.size === 3)

    const admin = new Kafka({ brokers: [inject('kafka')], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    onTestFinished(() => admin.disconnect())
    await admin.deleteTopics({ topics: [topic] })
    await pause(pauseMs)
    await kafka.ensureTopic(topic, 1)
    const values = Array.from({ length: 10 }, (_, i) => `b${i}`)
    await send(values)
    await eventually('all new messages are received', () => received.size === 3 + values.length)
    expect([...received].slice(3).toSorted()).toEqual(values)
  })
})

describe('readTopic', () => {
  // A client id of its own, because other tests read from the same Kafka.
  const clientId = `reader-${randomUUID()}`
  const kafka = createKafka(inject('kafka'), clientId, createLogger('test', 'silent'))
  const read = async (topic: string): Promise<{ ranges: OffsetRange[]; received: TimestampedMessage[] }> => {
    const received: TimestampedMessage[] = []
    const ranges = await kafka.readTopic({ topic, onBatch: (batch) => void received.push(...batch) })
    return { ranges, received }
  }
  const groups = async (): Promise<string[]> => {
    const admin = new Kafka({ brokers: [inject('kafka')], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    try {
      return (await admin.listGroups()).groups.map(({ groupId }) => groupId).filter((id) => id.includes(clientId))
    } finally {
      await admin.disconnect()
    }
  }

  it('reads all messages, each partition in order, and deletes its consumer group', async () => {
    const topic = `t-${randomUUID()}`
    await kafka.ensureTopic(topic, 3)
    const before = Date.now()
    const sent = Array.from({ length: 500 }, (_, i) => ({ key: `k${i}`, value: `${i} Reçue`, headers: { n: `${i}` } }))
    await publisher.send(topic, sent)
    const { ranges, received } = await read(topic)
    expect(new Set(received.map(({ value }) => value))).toEqual(new Set(sent.map(({ value }) => value)))
    expect(received).toHaveLength(sent.length)
    expect(new Set(ranges.map(({ partition }) => partition))).toEqual(new Set([0, 1, 2]))
    for (const { partition, from, to } of ranges) {
      expect(from).toBe('0')
      const offsets = received.filter((message) => message.partition === partition).map(({ offset }) => Number(offset))
      expect(offsets).toEqual(Array.from({ length: Number(to) }, (_, i) => i))
    }
    for (const { timestamp, headers, value } of received) {
      expect(timestamp.getTime()).toBeGreaterThanOrEqual(before)
      expect(value).toBe(`${headers['n']} Reçue`)
    }
    expect(await groups()).toEqual([])
  })

  it('stops at the end of the topic at the time of the call', async () => {
    const topic = `t-${randomUUID()}`
    await kafka.ensureTopic(topic, 1)
    await publisher.send(topic, [{ key: 'a', value: 'before' }])
    const received: string[] = []
    const ranges = await kafka.readTopic({
      topic,
      onBatch: async (batch) => {
        received.push(...batch.map(({ value }) => value!))
        await publisher.send(topic, [{ key: 'a', value: 'after' }])
      },
    })
    expect(received).toEqual(['before'])
    expect(ranges).toEqual([{ partition: 0, from: '0', to: '1' }])
  })

  it('returns the first retained offset of a partition', async () => {
    const topic = `t-${randomUUID()}`
    await kafka.ensureTopic(topic, 1)
    await publisher.send(topic, ['one', 'two', 'three'].map((value) => ({ key: 'a', value }))) // prettier-ignore
    const admin = new Kafka({ brokers: [inject('kafka')], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    await admin.fetchTopicOffsets(topic) // otherwise kafkajs has no metadata of the topic
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '2' }] })
    await admin.disconnect()
    const { ranges, received } = await read(topic)
    expect(ranges).toEqual([{ partition: 0, from: '2', to: '3' }])
    expect(received.map(({ value }) => value)).toEqual(['three'])
  })

  it('reads nothing from an empty topic, and returns no partition for a missing one', async () => {
    const topic = `t-${randomUUID()}`
    await kafka.ensureTopic(topic, 2)
    const { ranges, received } = await read(topic)
    expect(received).toEqual([])
    expect(ranges).toHaveLength(2)
    expect(await read(`t-${randomUUID()}`)).toEqual({ ranges: [], received: [] })
  })

  it('rejects with the error of onBatch, and when Kafka is unavailable', async () => {
    const topic = `t-${randomUUID()}`
    await kafka.ensureTopic(topic, 1)
    await publisher.send(topic, [{ key: 'a', value: 'one' }])
    const onBatch = (): never => {
      throw new Error('no more')
    }
    await expect(kafka.readTopic({ topic, onBatch })).rejects.toThrow('no more')
    const unavailable = createKafka('127.0.0.1:1', 'kafka-test', createLogger('test', 'silent'))
    await expect(unavailable.readTopic({ topic, onBatch })).rejects.toThrow(/ECONNREFUSED/)
  })
})

it('ensureTopic creates a topic with the replication of the settings, and waits while there are too few brokers', async () => {
  const log = createLogger('test', 'silent')
  const topic = `t-${randomUUID()}`
  const warnings: string[] = []
  const recordingLog = { ...log, warn: (_fields: object, message: string) => void warnings.push(message) } as typeof log
  const client = (replicationFactor: number) =>
    createKafka(inject('kafka'), 'kafka-test', recordingLog, {}, { replicationFactor, minInSyncReplicas: 1 })
  const stopping = new AbortController()
  const waiting = client(3).ensureTopic(topic, 1, stopping.signal)
  const failure = waiting.then(
    () => undefined,
    (error: Error) => error.message,
  )
  await eventually('it waits for brokers', () =>
    warnings.some((warning) => warning.startsWith('too few Kafka brokers')),
  )
  stopping.abort(new Error('stopping'))
  expect(await failure).toBe('stopping')

  await client(1).ensureTopic(topic, 1)
  const admin = new Kafka({ brokers: inject('kafka').split(','), logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  onTestFinished(() => admin.disconnect())
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configNames: ['min.insync.replicas'] }],
  })
  const [entry] = resources[0]!.configEntries as { configValue: string; isDefault: boolean }[]
  expect(entry).toMatchObject({ configValue: '1', isDefault: false })
})

it('ensureTopic rejects when its signal is aborted while Kafka is unavailable', async () => {
  const stop = new AbortController()
  const waiting = createKafka('127.0.0.1:1', 'kafka-test', createLogger('test', 'silent')).ensureTopic(
    't',
    1,
    stop.signal,
  )
  stop.abort(new Error('stopping'))
  await expect(waiting).rejects.toThrow('stopping')
})

it('ping rejects when Kafka is unavailable', async () => {
  await expect(createKafka('127.0.0.1:1', 'kafka-test', createLogger('test', 'silent')).ping()).rejects.toThrow(
    /ECONNREFUSED/,
  )
  await kafka.ping()
})

it('closing a publisher takes at most 4 s while Kafka is unavailable', async () => {
  const unavailable = createKafka('127.0.0.1:1', 'kafka-test', createLogger('test', 'silent')).publisher()
  const sending = Promise.allSettled([unavailable.send('t', [{ key: 'a', value: 'one' }])])
  await rejectAfter(4000, unavailable.close())
  const [sent] = await sending
  expect(sent.status).toBe('rejected')
  await expect(unavailable.send('t', [{ key: 'a', value: 'two' }])).rejects.toThrow('closed')
})

it('consume rejects when aborted before it has joined the group, and does not join it later', async () => {
  const topic = `t-${randomUUID()}`
  await kafka.ensureTopic(topic, 1)
  let isUnavailable = true
  const proxy = createServer((socket) => {
    if (isUnavailable) return void socket.destroy()
    const [host, port] = inject('kafka').split(':') as [string, string]
    const upstream = connect(Number(port), host)
    socket.pipe(upstream).on('error', () => socket.destroy())
    upstream.pipe(socket).on('error', () => upstream.destroy())
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    connections++
  })
  const open = new Set<object>()
  let connections = 0
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void proxy.close())
  const { port } = proxy.address() as AddressInfo

  const proxied = createKafka(`127.0.0.1:${port}`, 'kafka-test', createLogger('test', 'silent'))
  const stop = new AbortController()
  const consuming = proxied.consume({ groupId: topic, topic, onBatch: async () => {}, signal: stop.signal })
  stop.abort(new Error('stopping'))
  await expect(rejectAfter(4000, consuming)).rejects.toThrow('stopping')

  isUnavailable = false
  await eventually('it has connected and disconnected again', () => connections > 0 && open.size === 0)
  const admin = new Kafka({ brokers: [inject('kafka')], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  const { groups } = await admin.describeGroups([topic])
  await admin.disconnect()
  expect(groups).toMatchObject([{ members: [], state: 'Dead' }])
})

it('closing a consumer takes at most 4 s while a batch hangs', async () => {
  const topic = `t-${randomUUID()}`
  await kafka.ensureTopic(topic, 1)
  await publisher.send(topic, [{ key: 'a', value: 'one' }])
  const { promise: hanging, resolve } = Promise.withResolvers<void>()
  let isStarted = false
  const onBatch = (): Promise<void> => {
    isStarted = true
    return hanging
  }
  const consumer = await kafka.consume({ groupId: topic, topic, onBatch })
  await eventually('the batch is started', () => isStarted)
  await expect(rejectAfter(4000, consumer.close())).resolves.toBeUndefined()
  resolve()
})
