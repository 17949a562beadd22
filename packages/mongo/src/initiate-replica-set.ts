// Initiates a single-node MongoDB replica set and waits until the node is primary. Does nothing to an initiated one.
// Usage: node initiate-replica-set.js HOST:PORT [NAME]
import { setTimeout as pause } from 'node:timers/promises'
import { MongoClient, MongoServerError } from 'mongodb'

/** MongoDB's error code AlreadyInitialized. */
const ALREADY_INITIALIZED = 23
/** How long to wait for the node, in milliseconds. */
const TIMEOUT = 60_000

const [host, name = 'rs0'] = process.argv.slice(2)
if (!host) throw new Error('Usage: initiate-replica-set HOST:PORT [NAME]')

const client = new MongoClient(`mongodb://${host}/?directConnection=true`, { serverSelectionTimeoutMS: TIMEOUT })
try {
  const admin = client.db('admin')
  try {
    await admin.command({ replSetInitiate: { _id: name, members: [{ _id: 0, host }] } })
  } catch (error) {
    if (!(error instanceof MongoServerError && error.code === ALREADY_INITIALIZED)) throw error
  }
  const deadline = Date.now() + TIMEOUT
  while (!(await admin.command({ hello: 1 }))['isWritablePrimary']) {
    if (Date.now() > deadline)
      throw new Error(`${host} did not become the primary of ${name} within ${TIMEOUT / 1000} s`)
    await pause(100)
  }
  console.log(`${name}: ${host} is primary`)
} finally {
  await client.close()
}
