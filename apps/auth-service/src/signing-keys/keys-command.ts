import { MongodbSettings, readConfig } from '@halles/config/config'
import { connectMongo } from '@halles/mongo/mongo'
import { Type } from 'typebox'
import { AccessTokenSeconds } from '../config.ts'
import { createSigningKeys, type KeyState } from './signing-keys.ts'

const USAGE = `keys list                      lists the keys that access tokens are signed and verified with
keys rotate [--lead SECONDS]   publishes the next key, which signs in ten minutes`

const Settings = Type.Object({ ...MongodbSettings, ACCESS_TOKEN_SECONDS: AccessTokenSeconds })

/** How long a key is published before it signs, in seconds. Services fetch keys at least every five minutes. */
const DEFAULT_LEAD = 600
/** In seconds. An instance notices a key that another one added within 30 s. */
const MIN_LEAD = 60

/**
 * Runs `keys list` or `keys rotate` for operators, in the service's own program and environment.
 *
 * @param args the command line after `keys`
 * @returns the output
 * @throws Error whose message is for the operator; the usage when the arguments are wrong.
 */
export async function runKeysCommand(args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const lead = parseLead(args)
  if (lead === undefined) throw new Error(USAGE)
  const { MONGODB_URL, ACCESS_TOKEN_SECONDS } = readConfig(Settings, env)
  const mongo = await connectMongo(MONGODB_URL, 'auth-service keys')
  try {
    const signingKeys = await createSigningKeys(mongo.db)
    if (args[0] === 'rotate') await signingKeys.rotate(lead * 1000, ACCESS_TOKEN_SECONDS * 1000)
    return formatTable(await signingKeys.list())
  } finally {
    await mongo.close()
  }
}

/** The lead in seconds of a valid command; undefined for invalid arguments. */
function parseLead([verb, option, value, ...more]: readonly string[]): number | undefined {
  if (more.length > 0) return undefined
  if ((verb === 'list' || verb === 'rotate') && option === undefined) return DEFAULT_LEAD
  const seconds = Number(value)
  return verb === 'rotate' && option === '--lead' && seconds >= MIN_LEAD ? seconds : undefined
}

const formatTable = (keys: readonly KeyState[]): string =>
  keys
    .map(({ kid, state, signsFrom, expiresAt }) =>
      [kid, state.padEnd(8), `signs from ${signsFrom.toISOString()}`, expiresAt && `expires ${expiresAt.toISOString()}`]
        .filter(Boolean)
        .join('  '),
    )
    .join('\n')
