// Servers that ask who comes, for tests of how services get in: plain processes only.
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { MongoClient, MongoServerError } from 'mongodb'
import { pause } from './managed-process.ts'

/** Who is let in everywhere, and what a server shows of itself. PEM. */
export type Guard = { username: string; password: string; tls: { cert: string; key: string } }

/** What a mongod is told so that it asks who comes; members of a replica set know each other by a key. */
export async function mongodOptionsOf(guard: Guard, folder: string): Promise<string[]> {
  const keyFile = path.join(folder, 'members.key')
  await writeFile(keyFile, Buffer.from(guard.password).toString('base64'), { mode: 0o600 })
  return ['--auth', '--keyFile', keyFile]
}

/**
 * Makes the mongod on this port the primary of its replica set of one, and the guard its first user: as long as there is
 * none, it obeys this machine.
 */
export async function becomeGuarded({ username, password }: Guard, port: number, replicaSet: string): Promise<true> {
  const url = `mongodb://127.0.0.1:${port}/?directConnection=true`
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 5000 })
  const admin = client.db('admin')
  const members = [{ _id: 0, host: `127.0.0.1:${port}` }]
  try {
    await unlessDone(admin.command({ replSetInitiate: { _id: replicaSet, members } }))
    while (!(await admin.command({ hello: 1 }))['isWritablePrimary']) await pause(15)
    await unlessDone(admin.command({ createUser: username, pwd: password, roles: ['root'] }))
    return true
  } finally {
    await client.close()
  }
}

async function unlessDone(command: Promise<unknown>): Promise<void> {
  try {
    await command
  } catch (error) {
    if (!(error instanceof MongoServerError && error.codeName === 'Unauthorized')) throw error // there is a user
  }
}

/** How a broker listens for clients that show who they are: without TLS by SCRAM, and with TLS by PLAIN or SCRAM. */
export async function listenersWith(
  { username, password, tls }: Guard,
  folder: string,
  { scram, both }: { scram: number; both: number },
) {
  const keyStore = path.join(folder, 'broker.pem')
  await writeFile(keyStore, `${tls.key.trim()}\n${tls.cert.trim()}\n`, { mode: 0o600 })
  const security = 'org.apache.kafka.common.security'
  const scramLogin = `${security}.scram.ScramLoginModule required;`
  const scramOf = (listener: string) =>
    mechanisms.map((name) => [`listener.name.${listener}.${name.toLowerCase()}.sasl.jaas.config`, scramLogin] as const)
  return {
    listeners: `SCRAM://127.0.0.1:${scram},BOTH://127.0.0.1:${both}`,
    protocols: 'SCRAM:SASL_PLAINTEXT,BOTH:SASL_SSL',
    settings: {
      'listener.name.scram.sasl.enabled.mechanisms': mechanisms.join(','),
      'listener.name.both.sasl.enabled.mechanisms': ['PLAIN', ...mechanisms].join(','),
      ...Object.fromEntries([...scramOf('scram'), ...scramOf('both')]),
      'listener.name.both.plain.sasl.jaas.config': `${security}.plain.PlainLoginModule required user_${username}="${password}";`,
      'listener.name.both.ssl.keystore.type': 'PEM',
      'listener.name.both.ssl.keystore.location': keyStore,
    },
  }
}

const mechanisms = ['SCRAM-SHA-256', 'SCRAM-SHA-512']

/** The words of the commands that make the guard a user of SCRAM: one a mechanism, Kafka takes no two at once. */
export const scramUsers = ({ username, password }: Guard, broker: string): string[][] =>
  mechanisms.map((mechanism) => {
    const user = ['--entity-type', 'users', '--entity-name', username]
    const add = ['--add-config', `${mechanism}=[password=${password}]`]
    return ['kafka.admin.ConfigCommand', '--bootstrap-server', broker, '--alter', ...user, ...add]
  })
