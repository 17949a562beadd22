// Makes a replica set of one MongoDB and waits until it is primary; again on one that is initiated, it changes nothing.
// Usage: node initiate-replica-set.js HOST:PORT [NAME]
import { setTimeout as pause } from 'node:timers/promises'
import { MongoClient, MongoServerError } from 'mongodb'

/** MongoDB's code for "already initialized". */
const ALREADY_INITIALIZED = 23
const WITHIN = 60_000

const [host, name = 'rs0'] = process.argv.slice(2)
if (!host) throw new Error('Say which MongoDB: initiate-replica-set HOST:PORT [NAME]')

const client = new MongoClient(`mongodb://${host}/?directConnection=true`, { serverSelectionTimeoutMS: WITHIN })
try {
  const admin = client.db('admin')
  try {
    await admin.command({ replSetInitiate: { _id: name, members: [{ _id: 0, host }] } })
  } catch (error) {
    if (!(error instanceof MongoServerError && error.code === ALREADY_INITIALIZED)) throw error
  }
  const deadline = Date.now() + WITHIN
  while (!(await admin.command({ hello: 1 }))['isWritablePrimary']) {
    if (Date.now() > deadline)
      throw new Error(`${host} did not become the primary of ${name} within ${WITHIN / 1000} s`)
    await pause(100)
  }
  console.log(`${name}: ${host} is primary`)
} finally {
  await client.close()
}
