import { clientNetworks } from '@halles/auth/client-networks'
import { MongodbSettings, readConfig } from '@halles/config/config'
import { connectMongo } from '@halles/mongo/mongo'
import { Type } from 'typebox'
import { AccessTokenSeconds, SecurityLogDays } from '../config.ts'
import { createSecurityLog } from '../security-log/security-log.ts'
import { createSigningKeys, type KeyState } from './signing-keys.ts'

const USAGE = `keys list                      lists the keys that access tokens are signed and verified with
keys rotate [--lead SECONDS]   publishes the next key, which signs in ten minutes
keys revoke KID                revokes a key at once: tokens that it signed are invalid within 5 s`

const Settings = Type.Object({
  ...MongodbSettings,
  ACCESS_TOKEN_SECONDS: AccessTokenSeconds,
  SECURITY_LOG_DAYS: SecurityLogDays,
})

/** The client of a command, in the security log. */
const OPERATOR = { subnet: 'operator', networks: clientNetworks('operator'), userAgent: undefined, isGone: () => false }

/** How long a key is published before it signs, in seconds. Services fetch keys at least every five minutes. */
const DEFAULT_LEAD = 600
/** In seconds. An instance notices a key that another one added within 30 s. */
const MIN_LEAD = 60

/**
 * Runs `keys list`, `keys rotate` or `keys revoke` for operators, in the service's own program and environment.
 *
 * @param args the command line after `keys`
 * @returns the output
 * @throws Error whose message is for the operator; the usage when the arguments are wrong.
 */
export async function runKeysCommand(args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const command = parseCommand(args)
  if (command === undefined) throw new Error(USAGE)
  const { MONGODB_URL, ACCESS_TOKEN_SECONDS, SECURITY_LOG_DAYS: days } = readConfig(Settings, env)
  const tokenLifetime = ACCESS_TOKEN_SECONDS * 1000
  const mongo = await connectMongo(MONGODB_URL, 'auth-service keys')
  try {
    const signingKeys = await createSigningKeys(mongo.db)
    if (command.verb === 'rotate') await signingKeys.rotate(command.lead * 1000, tokenLifetime)
    if (command.verb === 'revoke') {
      await signingKeys.revoke(command.kid, tokenLifetime)
      const secret = signingKeys.refreshSecret
      const securityLog = await createSecurityLog(mongo.db, { secret, days, now: () => new Date() })
      await securityLog.record(OPERATOR, 'signing-key-revoked', {})
    }
    return formatTable(await signingKeys.list())
  } finally {
    await mongo.close()
  }
}

type Command = { verb: 'list' } | { verb: 'rotate'; lead: number } | { verb: 'revoke'; kid: string }

/** The command, with the lead in seconds; undefined for invalid arguments. */
function parseCommand([verb, option, value, ...more]: readonly string[]): Command | undefined {
  if (more.length > 0) return undefined
  if (verb === 'list' && option === undefined) return { verb }
  if (verb === 'rotate' && option === undefined) return { verb, lead: DEFAULT_LEAD }
  if (verb === 'rotate' && option === '--lead' && Number(value) >= MIN_LEAD) return { verb, lead: Number(value) }
  return verb === 'revoke' && option !== undefined && value === undefined ? { verb, kid: option } : undefined
}

const formatTable = (keys: readonly KeyState[]): string =>
  keys
    .map(({ kid, state, signsFrom, expiresAt, revokedAt }) =>
      [
        kid,
        state.padEnd(8),
        revokedAt ? `revoked ${revokedAt.toISOString()}` : `signs from ${signsFrom.toISOString()}`,
        expiresAt && `expires ${expiresAt.toISOString()}`,
      ]
        .filter(Boolean)
        .join('  '),
    )
    .join('\n')
