// MongoDB and Kafka with authentication, for tests of the credentials of services. Only plain processes support it.
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { MongoClient, MongoServerError } from 'mongodb'
import { pause } from './managed-process.ts'

/** The user whom MongoDB and Kafka accept, and the certificate and key of Kafka's TLS listener as PEM. */
export type ServerCredentials = { username: string; password: string; tls: { cert: string; key: string } }

/** The options of a mongod that requires authentication. Members of a replica set authenticate with a key file. */
export async function mongodAuthOptions(credentials: ServerCredentials, folder: string): Promise<string[]> {
  const keyFile = path.join(folder, 'members.key')
  await writeFile(keyFile, Buffer.from(credentials.password).toString('base64'), { mode: 0o600 })
  return ['--auth', '--keyFile', keyFile]
}

/**
 * Makes the mongod on this port the primary of its replica set of one, and creates the first user. MongoDB's localhost
 * exception allows both as long as there is no user.
 * @returns true when it accepts writes
 */
export async function initiateWithUser(
  { username, password }: ServerCredentials,
  port: number,
  replicaSet: string,
): Promise<true> {
  const url = `mongodb://127.0.0.1:${port}/?directConnection=true`
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 5000 })
  const admin = client.db('admin')
  const members = [{ _id: 0, host: `127.0.0.1:${port}` }]
  try {
    await ignoringUnauthorized(admin.command({ replSetInitiate: { _id: replicaSet, members } }))
    while (!(await admin.command({ hello: 1 }))['isWritablePrimary']) await pause(15)
    await ignoringUnauthorized(admin.command({ createUser: username, pwd: password, roles: ['root'] }))
    return true
  } finally {
    await client.close()
  }
}

async function ignoringUnauthorized(command: Promise<unknown>): Promise<void> {
  try {
    await command
  } catch (error) {
    if (!(error instanceof MongoServerError && error.codeName === 'Unauthorized')) throw error
    // A user exists, so an earlier start has done this already.
  }
}

/** The settings of two more listeners of a broker: SCRAM without TLS, and PLAIN or SCRAM with TLS. */
export async function authenticatedListeners(
  { username, password, tls }: ServerCredentials,
  folder: string,
  { scram, both }: { scram: number; both: number },
) {
  const keyStore = path.join(folder, 'broker.pem')
  await writeFile(keyStore, `${tls.key.trim()}\n${tls.cert.trim()}\n`, { mode: 0o600 })
  const security = 'org.apache.kafka.common.security'
  const scramLogin = `${security}.scram.ScramLoginModule required;`
  const scramSettings = (listener: string) =>
    mechanisms.map((name) => [`listener.name.${listener}.${name.toLowerCase()}.sasl.jaas.config`, scramLogin] as const)
  return {
    listeners: `SCRAM://127.0.0.1:${scram},BOTH://127.0.0.1:${both}`,
    protocols: 'SCRAM:SASL_PLAINTEXT,BOTH:SASL_SSL',
    settings: {
      'listener.name.scram.sasl.enabled.mechanisms': mechanisms.join(','),
      'listener.name.both.sasl.enabled.mechanisms': ['PLAIN', ...mechanisms].join(','),
      ...Object.fromEntries([...scramSettings('scram'), ...scramSettings('both')]),
      'listener.name.both.plain.sasl.jaas.config': `${security}.plain.PlainLoginModule required user_${username}="${password}";`,
      'listener.name.both.ssl.keystore.type': 'PEM',
      'listener.name.both.ssl.keystore.location': keyStore,
    },
  }
}

const mechanisms = ['SCRAM-SHA-256', 'SCRAM-SHA-512']

/** The arguments of the commands that create the SCRAM user: one command a mechanism, as Kafka accepts one at a time. */
export const scramUserCommands = ({ username, password }: ServerCredentials, broker: string): string[][] =>
  mechanisms.map((mechanism) => {
    const user = ['--entity-type', 'users', '--entity-name', username]
    const add = ['--add-config', `${mechanism}=[password=${password}]`]
    return ['kafka.admin.ConfigCommand', '--bootstrap-server', broker, '--alter', ...user, ...add]
  })
