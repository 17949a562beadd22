import { randomBytes } from 'node:crypto'
import { startServers, withCredentials, type ServerCredentials, type Servers } from '@halles/test-servers'
import { MongoClient } from 'mongodb'
import { createCertificateAuthority } from './certificates.ts'
import { uniqueDatabaseUrl } from './database.ts'

/** Creates credentials for servers with authentication; `ca` is the authority of the servers' certificate. */
export async function createTestCredentials(): Promise<ServerCredentials & { ca: string }> {
  const { ca, sign } = await createCertificateAuthority()
  return { username: 'halles', password: randomPassword(), tls: await sign('broker'), ca }
}

/** Starts a Kafka with authentication. `listeners` has its addresses: SCRAM without TLS, and PLAIN or SCRAM with TLS. */
export async function startSecuredKafka(): Promise<{
  credentials: ServerCredentials & { ca: string }
  listeners: { scram: string; both: string }
  stop: () => Promise<void>
}> {
  const credentials = await createTestCredentials()
  const servers = await startServers({ need: ['kafka'], credentials })
  return { credentials, listeners: servers.kafkaAuthenticated!, stop: servers.stop }
}

export type SecuredMongodb = Awaited<ReturnType<typeof startSecuredMongodb>>

/** Starts a MongoDB with authentication. */
export async function startSecuredMongodb(): Promise<{
  /** Creates a database and a user with the role readWrite on it alone; returns the URLs of the user and of the admin. */
  ownUser: (name: string) => Promise<{ url: string; asAdmin: string }>
  servers: Servers
  stop: () => Promise<void>
}> {
  const servers = await startServers({ need: ['mongodb'], credentials: await createTestCredentials() })
  const client = new MongoClient(servers.mongodb!)
  return {
    servers,
    ownUser: async (name) => {
      const asAdmin = uniqueDatabaseUrl(servers.mongodb!, name)
      const database = new URL(asAdmin).pathname.slice(1)
      const user = { username: database, password: randomPassword() }
      const roles = [{ role: 'readWrite', db: database }]
      await client.db('admin').command({ createUser: user.username, pwd: user.password, roles })
      return { url: withCredentials(asAdmin, user), asAdmin }
    },
    stop: async () => {
      await client.close()
      await servers.stop()
    },
  }
}

const randomPassword = (): string => randomBytes(24).toString('hex')
