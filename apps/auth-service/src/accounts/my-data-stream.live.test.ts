import { readFileSync, writeFileSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { newId } from '@halles/mongo/ids'
import { connectMongo, type MongoConnection } from '@halles/mongo/mongo'
import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { startProcess, type Process } from '@halles/test-fixtures/process'
import { eventually } from '@halles/test-fixtures/wait'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { bearer, registrationInput, type Headers } from '../../test/fixtures.ts'

const EVENTS = 100_000
/** How much memory an export of them may take, in MB: 30 to 60 were seen. Held in arrays, they took 460 MB. */
const MAX_GROWTH = 150

const database = uniqueDatabaseUrl(inject('mongodb'), 'auth')
let service: Process
let url: string
let mongo: MongoConnection
let headers: Headers
beforeAll(async () => {
  service = startProcess(new URL('../main.ts', import.meta.url), { MONGODB_URL: database })
  url = (await service.listening)!
  mongo = await connectMongo(database, 'my-data-test')
  const response = await fetch(`${url}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(registrationInput()),
  })
  const { user, accessToken } = (await response.json()) as { user: { id: string }; accessToken: string }
  headers = bearer(accessToken)
  const at = new Date()
  const event = {
    at,
    what: 'sign-in',
    outcome: 'done',
    userId: user.id,
    byId: user.id,
    sessionId: 'a session',
    place: 'a place',
    traceId: 'a trace',
    expiresAt: new Date(at.getTime() + 86_400_000),
  }
  for (let i = 0; i < EVENTS; i += 20_000)
    await mongo.db
      .collection<{ _id: string }>('securityLog')
      .insertMany(Array.from({ length: 20_000 }, () => ({ _id: newId(), ...event })))
})
afterAll(async () => {
  await service.stop()
  await mongo.db.dropDatabase()
  await mongo.close()
})

const openExport = (): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => get(`${url}/me/data`, { headers }, resolve).on('error', reject))

/** How many security events the cursors that are open have returned. */
const readCursors = async (): Promise<number[]> => {
  const ns = `${mongo.db.databaseName}.securityLog`
  const found = await mongo.client
    .db('admin')
    .aggregate([{ $currentOp: { allUsers: true, idleCursors: true } }, { $match: { type: 'idleCursor', ns } }], {
      readConcern: { level: 'local' },
    })
    .toArray()
  return found.map(({ cursor }) => Number(cursor.nDocsReturned))
}

it.runIf(process.platform === 'linux')(
  'an export of 100,000 events is complete, and is not held in memory',
  async () => {
    const readMemory = (name: string): number =>
      Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${service.child.pid}/status`, 'utf8'))![1]) /
      1024
    writeFileSync(`/proc/${service.child.pid}/clear_refs`, '5') // resets VmHWM, see proc_pid_clear_refs(5)
    const before = readMemory('VmRSS')
    let text = ''
    for await (const chunk of (await openExport()).setEncoding('utf8')) text += chunk
    const growth = readMemory('VmHWM') - before
    expect(growth).toBeLessThan(MAX_GROWTH)
    const { exportedAt, user, sessions, securityLog } = JSON.parse(text)
    expect(new Date(exportedAt).getTime()).toBeLessThanOrEqual(Date.now())
    expect(user.name).toBe('Camille Martin')
    expect(sessions).toHaveLength(1)
    expect(sessions[0]).toMatchObject({ current: true })
    // The registration itself is an event, too.
    expect(securityLog).toHaveLength(EVENTS + 1)
    expect(new Set(securityLog.map(({ id }: { id: string }) => id)).size).toBe(EVENTS + 1)
  },
)

it('a reader that does not read stops the cursor, and one that has gone closes it', async () => {
  const response = await openExport()
  expect(response.statusCode).toBe(200)
  response.pause()
  const countWhenStopped = await eventually('the cursor waits', async () => {
    const [one] = await readCursors()
    await new Promise((resolve) => setTimeout(resolve, 300))
    const [other] = await readCursors()
    return one !== undefined && one === other && one
  })
  expect(countWhenStopped).toBeLessThan(EVENTS / 2)
  response.destroy()
  await eventually('the cursor is closed', async () => (await readCursors()).length === 0)
})
