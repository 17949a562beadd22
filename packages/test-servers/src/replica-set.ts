import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { MongoClient, MongoServerError } from 'mongodb'
import { pause, untilReady } from './managed-process.ts'
import { findMongod, initiateReplicaSet, replicaSetUrl, startMongod } from './mongodb.ts'
import { freePort } from './ports.ts'
import type { ProcessContext, ReplicaSet, ReplicaSetMember, Server } from './server.ts'
import { userError } from './user-error.ts'

/**
 * Settings with which an election after the death of a primary takes 3 s; MongoDB's defaults take 10 to 12 s. Secondaries
 * replicate from the primary only, so that one that lags does not stop another.
 */
const settings = { electionTimeoutMillis: 3000, heartbeatIntervalMillis: 500, chainingAllowed: false }

/** On SIGTERM a primary would wait 15 s for a secondary to take over, though all members stop together. */
const options = ['enableTestCommands=1', 'shutdownTimeoutMillisForSignaledShutdown=100'].flatMap((parameter) => [
  '--setParameter',
  parameter,
])

/** How long a primary that steps down waits for a secondary to catch up, in seconds. */
const CATCH_UP_SECONDS = 5

/** How long `primary` waits for an election, in milliseconds. */
const ELECTION_TIMEOUT = 60_000

/** Starts a replica set of several mongods as plain processes. They accept `configureFailPoint`. */
export async function startReplicaSet(context: ProcessContext, nodes: number): Promise<Server> {
  const { group, folder, ports, credentials, onProgress } = context
  if (credentials) throw userError('A MongoDB with authentication has one node: start it without mongodbNodes.')
  await findMongod(group, onProgress) // downloads it once, not once a node
  const preferred = await readPorts(folder)
  const chosen: number[] = []
  for (let i = 0; i < nodes; i++) chosen.push(await freePort(preferred[i] ?? (i === 0 ? ports.mongodb : undefined)))
  await writeFile(path.join(folder, portsFile), JSON.stringify(chosen))
  const members = await Promise.all(
    chosen.map(async (port, i) => {
      const own = path.join(folder, `node-${i}`)
      await mkdir(own, { recursive: true })
      return { address: `127.0.0.1:${port}`, ...(await startMongod({ ...context, folder: own }, port, options)) }
    }),
  )
  // A mongod accepts connections before it has read its configuration.
  await untilReady('the replica set', () => initiateReplicaSet('127.0.0.1', chosen, settings))
  const [first] = members
  return {
    pid: first!.pid,
    stop: async () => void (await Promise.all(members.map((member) => member.stop()))),
    kill: async (signal) => void (await Promise.all(members.map((member) => member.kill(signal)))),
    restart: async () => void (await Promise.all(members.map((member) => member.restart()))),
    way: 'process',
    addresses: { mongodb: replicaSetUrl('127.0.0.1', chosen) },
    ports: { mongodb: chosen[0]! },
    replicaSet: controlReplicaSet(members),
  }
}

/** The file with the ports of the members, which the next start with the same data uses if they are free. */
const portsFile = 'members.json'

async function readPorts(folder: string): Promise<number[]> {
  try {
    return JSON.parse(await readFile(path.join(folder, portsFile), 'utf8')) as number[]
  } catch {
    return [] // This is the first start.
  }
}

function controlReplicaSet(members: ReplicaSetMember[]): ReplicaSet {
  /** Runs a command on one member, whatever its state. */
  const runOn = async (member: ReplicaSetMember, command: object): Promise<Record<string, unknown>> => {
    const client = new MongoClient(`mongodb://${member.address}/?directConnection=true`, {
      serverSelectionTimeoutMS: 1000,
    })
    try {
      return await client.db('admin').command(command)
    } finally {
      await client.close()
    }
  }
  const isPrimary = async (member: ReplicaSetMember): Promise<boolean> => {
    if (member.pid() === undefined) return false
    try {
      return (await runOn(member, { hello: 1 }))['isWritablePrimary'] === true
    } catch {
      return false // It is stopped, or has just been killed.
    }
  }
  const primary = async (not?: ReplicaSetMember): Promise<ReplicaSetMember> => {
    for (const deadline = Date.now() + ELECTION_TIMEOUT; ; await pause(15)) {
      const candidates = members.filter((member) => member !== not)
      const found = await Promise.all(candidates.map(isPrimary))
      const index = found.indexOf(true)
      if (index !== -1) return candidates[index]!
      if (Date.now() > deadline) throw new Error(`MongoDB elected no primary within ${ELECTION_TIMEOUT / 1000} s`)
    }
  }
  return {
    members,
    primary,
    stepDown: async (seconds = 5) => {
      for (;;) {
        const former = await primary()
        try {
          await runOn(former, {
            replSetStepDown: CATCH_UP_SECONDS + seconds,
            secondaryCatchUpPeriodSecs: CATCH_UP_SECONDS,
          })
          return await primary(former)
        } catch (error) {
          // ExceededTimeLimit: no secondary has caught up, or an election is going on.
          if (!(error instanceof MongoServerError && error.codeName === 'ExceededTimeLimit')) throw error
        }
      }
    },
    killPrimary: async () => {
      const killed = await primary()
      await killed.kill('SIGKILL')
      return killed
    },
    lag: async (secondary) => {
      const setFailPoint = (mode: string) => runOn(secondary, { configureFailPoint: 'stopReplProducer', mode })
      await setFailPoint('alwaysOn')
      return async () => void (await setFailPoint('off'))
    },
  }
}
