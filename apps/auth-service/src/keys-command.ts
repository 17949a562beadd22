import { MongodbUrl, readConfig } from '@halles/service/config'
import { openMongo } from '@halles/service/mongo'
import { Type } from 'typebox'
import { AccessTokenSeconds } from './config.ts'
import { keysIn, type KeyState } from './keys.ts'

const USAGE = `keys list                      the keys that access tokens are signed and checked with
keys rotate [--lead SECONDS]   publishes the next key, which signs in ten minutes`

const Settings = Type.Object({ ...MongodbUrl, ACCESS_TOKEN_SECONDS: AccessTokenSeconds })

/** How long a key is published before it signs, in seconds: services ask for keys at least every five minutes. */
const LEAD = 600
/** An instance notices a key that another one added within 30 s. */
const LEAST_LEAD = 60

/**
 * `keys list` and `keys rotate`, for operators: the same program as the service, with its environment.
 *
 * @returns what to print
 * @throws Error with a sentence.
 */
export async function keysCommand(words: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const lead = leadIn(words)
  if (lead === undefined) throw new Error(USAGE)
  const { MONGODB_URL, ACCESS_TOKEN_SECONDS } = readConfig(Settings, env)
  const mongo = await openMongo(MONGODB_URL, 'auth-service keys')
  try {
    const keys = await keysIn(mongo.db)
    if (words[0] === 'rotate') await keys.rotate(lead * 1000, ACCESS_TOKEN_SECONDS * 1000)
    return table(await keys.list())
  } finally {
    await mongo.close()
  }
}

/** The lead of a command that is right, undefined of any other. */
function leadIn([verb, option, value, ...more]: readonly string[]): number | undefined {
  if (more.length > 0) return undefined
  if ((verb === 'list' || verb === 'rotate') && option === undefined) return LEAD
  const seconds = Number(value)
  return verb === 'rotate' && option === '--lead' && seconds >= LEAST_LEAD ? seconds : undefined
}

const table = (keys: readonly KeyState[]): string =>
  keys
    .map(({ kid, state, signsFrom, expiresAt }) =>
      [kid, state.padEnd(8), `signs from ${signsFrom.toISOString()}`, expiresAt && `goes ${expiresAt.toISOString()}`]
        .filter(Boolean)
        .join('  '),
    )
    .join('\n')
