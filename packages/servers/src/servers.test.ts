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

async function folder(): Promise<string> {
  const made = await mkdtemp(path.join(tmpdir(), 'halles-servers-test-'))
  folders.push(made)
  return made
}

async function withMongo<T>(url: string, use: (client: MongoClient) => Promise<T>): Promise<T> {
  const client = await MongoClient.connect(databaseUrl(url, 'trial'))
  try {
    return await use(client)
  } finally {
    await client.close()
  }
}

/** Sends one message through a new topic and resolves with what a consumer group got. */
async function throughKafka(broker: string, topic: string): Promise<string | undefined> {
  const retry = { initialRetryTime: 50, maxRetryTime: 200, retries: 100 }
  const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING, retry })
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

async function sendLetter(smtp: string, subject: string): Promise<void> {
  const { hostname, port } = new URL(smtp)
  const socket = connect(Number(port), hostname)
  const said = [
    'HELO test',
    'MAIL FROM:<shop@halles.example>',
    'RCPT TO:<ada@halles.example>',
    'DATA',
    `Subject: ${subject}\r\n\r\nBonjour\r\n.`,
    'QUIT',
  ]
  for await (const line of createInterface({ input: socket })) {
    if (/^[45]/.test(line)) throw new Error(line)
    const next = said.shift()
    if (next !== undefined) socket.write(`${next}\r\n`)
  }
}

async function subjects(mailbox: string): Promise<string[]> {
  const letters = (await (await fetch(`${mailbox}/api/email`)).json()) as { subject: string }[]
  return letters.map((letter) => letter.subject)
}

test('plain processes give transactions, topics and letters, and a later start finds them again', async () => {
  const dataDir = await folder()
  const start = () => startServers({ need: ['mongodb', 'kafka', 'mailbox'], dataDir, ways: ['process'] })
  servers = await start()
  expect(servers.ways).toEqual({ mongodb: 'process', kafka: 'process', mailbox: 'process' })
  const first = { mongodb: servers.mongodb, kafka: servers.kafka, smtp: servers.smtp, mailbox: servers.mailbox }

  await withMongo(servers.mongodb!, async (client) => {
    const things = client.db().collection('things')
    await client.withSession((session) =>
      session.withTransaction(async () => {
        await things.insertOne({ name: 'one' }, { session })
        await things.insertOne({ name: 'two' }, { session })
      }),
    )
    expect(await things.countDocuments()).toBe(2)
  })
  expect(await throughKafka(servers.kafka!, 'news')).toBe('bonjour')
  await sendLetter(servers.smtp!, 'Une lettre')
  await vi.waitFor(async () => expect(await subjects(servers!.mailbox!)).toEqual(['Une lettre']), 60_000)
  await servers.stop()

  servers = await start()
  expect(servers).toMatchObject(first) // the ports were free, so they are the same
  expect(await withMongo(servers.mongodb!, (client) => client.db().collection('things').countDocuments())).toBe(2)
  expect(await subjects(servers.mailbox!)).toEqual(['Une lettre'])
  const admin = new Kafka({ brokers: [servers.kafka!], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  expect(await admin.listTopics()).toContain('news')
  await admin.disconnect()
})

test('the data is found on another port when the old one is taken', async () => {
  const dataDir = await folder()
  servers = await startServers({ need: ['mongodb'], dataDir, ways: ['process'] })
  await withMongo(servers.mongodb!, (client) => client.db().collection('things').insertOne({ name: 'one' }))
  const port = Number(new URL(servers.mongodb!).port)
  await servers.stop()

  const squatter = createServer((socket) => socket.destroy()).listen(port, '127.0.0.1')
  await once(squatter, 'listening')
  try {
    servers = await startServers({ need: ['mongodb'], dataDir, ways: ['process'] })
    expect(Number(new URL(servers.mongodb!).port)).not.toBe(port)
    expect(await withMongo(servers.mongodb!, (client) => client.db().collection('things').countDocuments())).toBe(1)
  } finally {
    squatter.close()
  }
})

test('a killed server is back on the same port with the same data', async () => {
  servers = await startServers({ need: ['mongodb', 'kafka'], ways: ['process'] })
  const { mongodb, kafka, pids } = servers
  await withMongo(mongodb!, (client) =>
    client
      .db()
      .collection('things')
      .insertOne({ name: 'one' }, { writeConcern: { w: 'majority' } }),
  )
  await Promise.all([servers.kill('mongodb', 'SIGKILL'), servers.kill('kafka', 'SIGKILL')])
  expect(servers.pids).toEqual({})
  await Promise.all([servers.restart('mongodb'), servers.restart('kafka')])
  expect(servers.pids).not.toEqual(pids)
  expect(await withMongo(mongodb!, (client) => client.db().collection('things').countDocuments())).toBe(1)
  expect(await throughKafka(kafka!, 'news')).toBe('bonjour')
})

test('a door of Kafka leads its clients back through what was put in between', async () => {
  const between = await freePort()
  servers = await startServers({ need: ['kafka'], ways: ['process'], kafkaDoors: [`127.0.0.1:${between}`] })
  const door = new URL(`tcp://${servers.kafkaDoors![0]}`)
  let passed = 0
  const cable = createServer((near) => {
    passed++
    const far = connect(Number(door.port), door.hostname)
    near.pipe(far).pipe(near)
    for (const end of [near, far]) end.on('error', () => {})
  }).listen(between, '127.0.0.1')
  await once(cable, 'listening')
  try {
    expect(await throughKafka(`127.0.0.1:${between}`, 'news')).toBe('bonjour')
    expect(passed).toBeGreaterThan(3) // not only the first connection of each of the three clients
  } finally {
    cable.close()
  }
})

test('what the environment names is used as it is', async () => {
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

test('containers give the same, where a Docker engine answers', async (context) => {
  const need: ['mongodb', 'kafka', 'mailbox'] = ['mongodb', 'kafka', 'mailbox']
  const dataDir = await folder()
  const { dockerEngine } = await import('./containers.ts')
  if ((await dockerEngine(() => {})) === undefined) context.skip('no Docker engine answers')
  const { removeData } = await import('./start-servers.ts')
  try {
    servers = await startServers({ need, dataDir, onProgress: (line) => console.log(line) })
    expect(servers.ways).toMatchObject({ mongodb: 'container', kafka: 'container' })
    await withMongo(servers.mongodb!, (client) => client.db().collection('things').insertOne({ name: 'one' }))
    expect(await throughKafka(servers.kafka!, 'news')).toBe('bonjour')
    await sendLetter(servers.smtp!, 'Une lettre')
    await vi.waitFor(async () => expect(await subjects(servers!.mailbox!)).toEqual(['Une lettre']), 60_000)
    await servers.kill('kafka', 'SIGKILL')
    await servers.restart('kafka')
    await servers.stop()

    servers = await startServers({ need: ['mongodb', 'kafka'], dataDir })
    expect(await withMongo(servers.mongodb!, (client) => client.db().collection('things').countDocuments())).toBe(1)
    expect(await throughKafka(servers.kafka!, 'other-news')).toBe('bonjour')
    await servers.stop()
  } finally {
    await removeData(dataDir)
    folders.length = 0
  }
}, 180_000)

test.each([
  { need: 'mongodb' as const, sentence: /^MongoDB is missing: start a Docker engine, or install .*pip.*\.$/ },
  { need: 'kafka' as const, sentence: /^Kafka needs Java: start a Docker engine, or install Java 17 .*\.$/ },
])('a machine without the tools for $need is told what to install', async ({ need, sentence }) => {
  vi.stubEnv('PATH', '')
  vi.stubEnv('JAVA_HOME', '')
  vi.stubEnv('HALLES_CACHE', await folder())
  const failure = startServers({ need: [need], ways: ['process'] })
  await expect(failure).rejects.toThrow(sentence)
  const { isPlainError } = await import('./index.ts')
  expect(isPlainError(await failure.catch((error: unknown) => error))).toBe(true)
})
