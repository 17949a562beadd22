import { startServers, type Servers } from '@halles/test-servers'
import { connectMongo, type MongoConnection } from '@halles/mongo/mongo'
import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createOrderEvent } from '../../test/events.ts'
import { createEmailStore, type EmailStore, type LeasedEmail } from './emails.ts'
import { recordOrderEmails } from './record-emails.ts'

// A replica set, whose nodes accept fail points.

let servers: Servers
let mongo: MongoConnection
let emails: EmailStore
beforeAll(async () => {
  servers = await startServers({ need: ['mongodb'], ways: ['process'], mongodbNodes: 3 })
  mongo = await connectMongo(uniqueDatabaseUrl(servers.mongodb!), 'failover-test')
  emails = await createEmailStore(mongo.db)
})
afterAll(async () => {
  await mongo?.close()
  await servers?.stop()
})

/** Has the next update of the store fail as in an election, after the server got it. */
async function failNextUpdate() {
  const { address } = await servers.replicaSet!.primary()
  const primary = new MongoClient(`mongodb://${address}/?directConnection=true`)
  onTestFinished(() => primary.close())
  await primary.db('admin').command({
    configureFailPoint: 'failCommand',
    mode: { times: 1 },
    data: { failCommands: ['update'], appName: 'failover-test', errorCode: 11_602 },
  })
}

async function leaseNewEmail(): Promise<LeasedEmail[]> {
  await recordOrderEmails({ emails }, [createOrderEvent()])
  const now = new Date()
  return emails.lease(1, `worker ${now.getTime()}`, now, new Date(now.getTime() + 60_000))
}

describe('email store, while MongoDB elects a primary', () => {
  it('records attempts', async () => {
    const leased = await leaseNewEmail()
    await failNextUpdate()
    await emails.recordAttempts(leased.map((email) => ({ email, sentAt: new Date() })))
    // Written to the primary only: reads see it once a majority has it.
    const read = () => emails.findByIds([leased[0]!.id], undefined)
    await expect.poll(read, { timeout: 30_000 }).toMatchObject([{ status: 'SENT', attempts: 1 }])
  })

  it('releases leases', async () => {
    const leased = await leaseNewEmail()
    await failNextUpdate()
    await emails.release(leased)
    const now = new Date()
    expect(await emails.lease(1, 'another worker', now, now)).toMatchObject([{ id: leased[0]!.id }])
  })

  it('anonymizes', async () => {
    const [email] = await leaseNewEmail()
    await failNextUpdate()
    await emails.anonymize([email!.userId], new Date())
    expect(await emails.findByIds([email!.id], undefined)).toMatchObject([{ recipient: '', name: '' }])
  })
})
