import { randomBytes } from 'node:crypto'
import { startServers, urlAs, type Guard, type Servers } from '@halles/servers'
import { MongoClient } from 'mongodb'
import { authority } from './certificates.ts'
import { ownDatabase } from './database.ts'

/** Someone whom guarded servers know, under a password of their own; `ca` is who signed what the servers show. */
export async function someGuard(): Promise<Guard & { ca: string }> {
  const { ca, sign } = await authority()
  return { username: 'halles', password: newPassword(), tls: await sign('broker'), ca }
}

/** A Kafka of its own that asks who comes: by SCRAM without TLS, and by PLAIN or SCRAM with it. */
export async function startGuardedKafka(): Promise<{
  guard: Guard & { ca: string }
  doors: { scram: string; both: string }
  stop: () => Promise<void>
}> {
  const guard = await someGuard()
  const servers = await startServers({ need: ['kafka'], guard })
  return { guard, doors: servers.kafkaGuarded!, stop: servers.stop }
}

export type GuardedMongodb = Awaited<ReturnType<typeof startGuardedMongodb>>

/** A MongoDB of its own that asks who comes. */
export async function startGuardedMongodb(): Promise<{
  /** A database that no other test uses, and the URL of a user who may read and write in it, and nothing else. */
  ownUser: (name: string) => Promise<{ url: string; asAdmin: string }>
  servers: Servers
  stop: () => Promise<void>
}> {
  const servers = await startServers({ need: ['mongodb'], guard: await someGuard() })
  const client = new MongoClient(servers.mongodb!)
  return {
    servers,
    ownUser: async (name) => {
      const asAdmin = ownDatabase(servers.mongodb!, name)
      const database = new URL(asAdmin).pathname.slice(1)
      const user = { username: database, password: newPassword() }
      const roles = [{ role: 'readWrite', db: database }]
      await client.db('admin').command({ createUser: user.username, pwd: user.password, roles })
      return { url: urlAs(asAdmin, user), asAdmin }
    },
    stop: async () => {
      await client.close()
      await servers.stop()
    },
  }
}

const newPassword = (): string => randomBytes(24).toString('hex')
