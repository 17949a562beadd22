import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { Kafka, logLevel } from 'kafkajs'
import { MongoClient } from 'mongodb'
import { afterEach, expect, test, vi } from 'vitest'
import { databaseUrl, freePort, startServers, type Servers } from './index.ts'

let servers: Servers | undefined
const folders: string[] = []

afterEach(async () => {
  vi.unstubAllEnvs()
  await servers?.stop()
  servers = undefined
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true })
})

async function createFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'halles-servers-test-'))
  folders.push(folder)
  return folder
}

async function withMongo<T>(url: string, use: (client: MongoClient) => Promise<T>): Promise<T> {
  const client = await MongoClient.connect(databaseUrl(url, 'trial'))
  try {
    return await use(client)
  } finally {
    await client.close()
  }
}

/** Sends one message to a new topic and resolves with the value that a consumer group received. */
async function sendAndConsume(brokers: string, topic: string): Promise<string | undefined> {
  const retry = { initialRetryTime: 50, maxRetryTime: 200, retries: 100 }
  const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING, retry })
  const admin = kafka.admin()
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  const consumer = kafka.consumer({ groupId: `${topic}-readers`, retry })
  try {
    await Promise.all([admin.connect(), producer.connect(), consumer.connect()])
    await admin.createTopics({ topics: [{ topic }] })
    await producer.send({ topic, messages: [{ value: 'bonjour' }] })
    await consumer.subscribe({ topic, fromBeginning: true })
    return await new Promise((resolve, reject) => {
      consumer.run({ eachMessage: async ({ message }) => resolve(message.value?.toString()) }).catch(reject)
    })
  } finally {
    await Promise.all([admin.disconnect(), producer.disconnect(), consumer.disconnect()])
  }
}

async function sendEmail(smtp: string, subject: string): Promise<void> {
  const { hostname, port } = new URL(smtp)
  const socket = connect(Number(port), hostname)
  const commands = [
    'HELO test',
    'MAIL FROM:<shop@halles.example>',
    'RCPT TO:<ada@halles.example>',
    'DATA',
    `Subject: ${subject}\r\n\r\nBonjour\r\n.`,
    'QUIT',
  ]
  for await (const line of createInterface({ input: socket })) {
    if (/^[45]/.test(line)) throw new Error(line)
    const next = commands.shift()
    if (next !== undefined) socket.write(`${next}\r\n`)
  }
}

async function receivedSubjects(mailbox: string): Promise<string[]> {
  const emails = (await (await fetch(`${mailbox}/api/email`)).json()) as { subject: string }[]
  return emails.map(({ subject }) => subject)
}

test('startServers runs plain processes, and a later start on the same dataDir finds their documents, topics and e-mails', async () => {
  const dataDir = await createFolder()
  const start = () => startServers({ need: ['mongodb', 'kafka', 'mailbox'], dataDir, ways: ['process'] })
  servers = await start()
  expect(servers.ways).toEqual({ mongodb: 'process', kafka: 'process', mailbox: 'process' })
  const first = { mongodb: servers.mongodb, kafka: servers.kafka, smtp: servers.smtp, mailbox: servers.mailbox }

  await withMongo(servers.mongodb!, async (client) => {
    const products = client.db().collection('products')
    await client.withSession((session) =>
      session.withTransaction(async () => {
        await products.insertOne({ name: 'one' }, { session })
        await products.insertOne({ name: 'two' }, { session })
      }),
    )
    expect(await products.countDocuments()).toBe(2)
  })
  expect(await sendAndConsume(servers.kafka!, 'news')).toBe('bonjour')
  await sendEmail(servers.smtp!, 'Une lettre')
  await vi.waitFor(async () => expect(await receivedSubjects(servers!.mailbox!)).toEqual(['Une lettre']), 60_000)
  await servers.stop()

  servers = await start()
  expect(servers).toMatchObject(first) // The ports were free, so they are the same.
  expect(await withMongo(servers.mongodb!, (client) => client.db().collection('products').countDocuments())).toBe(2)
  expect(await receivedSubjects(servers.mailbox!)).toEqual(['Une lettre'])
  const admin = new Kafka({ brokers: [servers.kafka!], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  expect(await admin.listTopics()).toContain('news')
  await admin.disconnect()
})

test('startServers moves MongoDB with its data to another port when the last port is taken', async () => {
  const dataDir = await createFolder()
  servers = await startServers({ need: ['mongodb'], dataDir, ways: ['process'] })
  await withMongo(servers.mongodb!, (client) => client.db().collection('products').insertOne({ name: 'one' }))
  const port = Number(new URL(servers.mongodb!).port)
  await servers.stop()

  const listener = createServer((socket) => socket.destroy()).listen(port, '127.0.0.1')
  await once(listener, 'listening')
  try {
    servers = await startServers({ need: ['mongodb'], dataDir, ways: ['process'] })
    expect(Number(new URL(servers.mongodb!).port)).not.toBe(port)
    expect(await withMongo(servers.mongodb!, (client) => client.db().collection('products').countDocuments())).toBe(1)
  } finally {
    listener.close()
  }
})

test('Servers.restart starts a killed server on the same port with the same data', async () => {
  servers = await startServers({ need: ['mongodb', 'kafka'], ways: ['process'] })
  const { mongodb, kafka, pids } = servers
  await withMongo(mongodb!, (client) =>
    client
      .db()
      .collection('products')
      .insertOne({ name: 'one' }, { writeConcern: { w: 'majority' } }),
  )
  await Promise.all([servers.kill('mongodb', 'SIGKILL'), servers.kill('kafka', 'SIGKILL')])
  expect(servers.pids).toEqual({})
  await Promise.all([servers.restart('mongodb'), servers.restart('kafka')])
  expect(servers.pids).not.toEqual(pids)
  expect(await withMongo(mongodb!, (client) => client.db().collection('products').countDocuments())).toBe(1)
  expect(await sendAndConsume(kafka!, 'news')).toBe('bonjour')
})

test('mongodbNodes starts a replica set that elects another primary when one steps down or is killed, and loses no document', async () => {
  servers = await startServers({ need: ['mongodb'], mongodbNodes: 3 })
  const { mongodb, replicaSet } = servers
  expect(mongodb).toBe(`mongodb://${replicaSet!.members.map(({ address }) => address).join(',')}/?replicaSet=rs0`)
  expect(servers.ways).toEqual({ mongodb: 'process' })
  await withMongo(mongodb!, async (client) => {
    const products = client.db().collection('products', { writeConcern: { w: 'majority' } })
    await products.insertOne({ name: 'one' })

    const first = await replicaSet!.primary()
    const second = await replicaSet!.stepDown()
    expect(second).not.toBe(first)
    await products.insertOne({ name: 'two' })

    expect(await replicaSet!.killPrimary()).toBe(second)
    expect(second.pid()).toBeUndefined()
    expect(await replicaSet!.primary()).not.toBe(second)
    await vi.waitFor(() => products.insertOne({ name: 'three' }), 30_000)
    expect(await products.countDocuments()).toBe(3)

    await second.restart()
    const other = replicaSet!.members.find((member) => member !== first && member !== second)!
    await other.kill('SIGKILL') // Two of three members are left: a majority that includes the restarted one.
    await replicaSet!.primary()
    await vi.waitFor(() => products.insertOne({ name: 'four' }), 30_000)
    expect(await products.countDocuments()).toBe(4)
  })
})

test('a secondary that lags answers without the latest writes, and has them once the lag ends', async () => {
  servers = await startServers({ need: ['mongodb'], mongodbNodes: 3 })
  const { mongodb, replicaSet } = servers
  const primary = await replicaSet!.primary()
  const secondary = replicaSet!.members.find((member) => member !== primary)!
  const countThere = () =>
    withMongo(`mongodb://${secondary.address}/?directConnection=true&readPreference=secondary`, (client) =>
      client.db().collection('products').countDocuments(),
    )
  await withMongo(mongodb!, async (client) => {
    const products = client.db().collection('products', { writeConcern: { w: 3 } })
    await products.insertOne({ name: 'one' })
    const endLag = await replicaSet!.lag(secondary)
    const majority = client.db().collection('products', { writeConcern: { w: 'majority' } })
    // A batch that was being fetched may still arrive.
    await vi.waitFor(async () => {
      const before = await countThere()
      await majority.insertOne({ name: 'late' })
      expect(await countThere()).toBe(before)
    }, 30_000)
    expect(await countThere()).toBeLessThan(await products.countDocuments())
    await endLag()
    await products.insertOne({ name: 'last' }) // acknowledged by all three
    expect(await countThere()).toBe(await products.countDocuments())
  })
})

test('a replica set of several members keeps its documents when it starts again on the same dataDir', async () => {
  const dataDir = await createFolder()
  servers = await startServers({ need: ['mongodb'], mongodbNodes: 3, dataDir })
  const { mongodb } = servers
  await withMongo(mongodb!, (client) => client.db().collection('products').insertOne({ name: 'one' }))
  await servers.stop()
  const taken = createServer().listen(Number(mongodb!.match(/:(\d+),/)![1]), '127.0.0.1')
  await once(taken, 'listening')
  try {
    servers = await startServers({ need: ['mongodb'], mongodbNodes: 3, dataDir })
    expect(servers.mongodb).not.toBe(mongodb)
    expect(await withMongo(servers.mongodb!, (client) => client.db().collection('products').countDocuments())).toBe(1)
  } finally {
    taken.close()
  }
})

test('kafkaListeners adds a listener that advertises a proxy, so that its clients connect through the proxy', async () => {
  const proxyPort = await freePort()
  servers = await startServers({ need: ['kafka'], ways: ['process'], kafkaListeners: [`127.0.0.1:${proxyPort}`] })
  const kafka = new URL(`tcp://${servers.kafkaListeners![0]}`)
  let connections = 0
  const proxy = createServer((client) => {
    connections++
    const upstream = connect(Number(kafka.port), kafka.hostname)
    client.pipe(upstream).pipe(client)
    for (const socket of [client, upstream]) socket.on('error', () => {})
  }).listen(proxyPort, '127.0.0.1')
  await once(proxy, 'listening')
  try {
    expect(await sendAndConsume(`127.0.0.1:${proxyPort}`, 'news')).toBe('bonjour')
    expect(connections).toBeGreaterThan(3) // More than the first connection of each of the three clients.
  } finally {
    proxy.close()
  }
})

test('startServers uses the servers that the environment names', async () => {
  vi.stubEnv('MONGODB_URL', 'mongodb://elsewhere.example:27017/?replicaSet=theirs')
  vi.stubEnv('KAFKA_BROKERS', 'a.example:9092,b.example:9092')
  vi.stubEnv('SMTP_URL', 'smtps://post.example:465')
  servers = await startServers({ need: ['mongodb', 'kafka', 'mailbox'] })
  expect(servers).toMatchObject({
    mongodb: 'mongodb://elsewhere.example:27017/?replicaSet=theirs',
    kafka: 'a.example:9092,b.example:9092',
    smtp: 'smtps://post.example:465',
    ways: { mongodb: 'environment', kafka: 'environment', mailbox: 'environment' },
    pids: {},
  })
  expect(servers.mailbox).toBeUndefined()
})

test('startServers runs containers where a Docker engine answers, with the same results as processes', async (context) => {
  const need: ['mongodb', 'kafka', 'mailbox'] = ['mongodb', 'kafka', 'mailbox']
  const dataDir = await createFolder()
  const { findDockerEngine } = await import('./containers.ts')
  if ((await findDockerEngine(() => {})) === undefined) context.skip('no Docker engine answers')
  const { removeData } = await import('./start-servers.ts')
  try {
    servers = await startServers({ need, dataDir, onProgress: (line) => console.log(line) })
    expect(servers.ways).toMatchObject({ mongodb: 'container', kafka: 'container' })
    await withMongo(servers.mongodb!, (client) => client.db().collection('products').insertOne({ name: 'one' }))
    expect(await sendAndConsume(servers.kafka!, 'news')).toBe('bonjour')
    await sendEmail(servers.smtp!, 'Une lettre')
    await vi.waitFor(async () => expect(await receivedSubjects(servers!.mailbox!)).toEqual(['Une lettre']), 60_000)
    await servers.kill('kafka', 'SIGKILL')
    await servers.restart('kafka')
    await servers.stop()

    servers = await startServers({ need: ['mongodb', 'kafka'], dataDir })
    expect(await withMongo(servers.mongodb!, (client) => client.db().collection('products').countDocuments())).toBe(1)
    expect(await sendAndConsume(servers.kafka!, 'other-news')).toBe('bonjour')
    await servers.stop()
  } finally {
    await removeData(dataDir)
    folders.length = 0
  }
}, 180_000)

test.each([
  { need: 'mongodb' as const, sentence: /^MongoDB is missing: start a Docker engine, or install .*pip.*\.$/ },
  { need: 'kafka' as const, sentence: /^Kafka needs Java: start a Docker engine, or install Java 17 .*\.$/ },
])('startServers says what to install on a machine that lacks the tools for $need', async ({ need, sentence }) => {
  vi.stubEnv('PATH', '')
  vi.stubEnv('JAVA_HOME', '')
  vi.stubEnv('HALLES_CACHE', await createFolder())
  const failure = startServers({ need: [need], ways: ['process'] })
  await expect(failure).rejects.toThrow(sentence)
  const { isUserError } = await import('./index.ts')
  expect(isUserError(await failure.catch((error: unknown) => error))).toBe(true)
})
