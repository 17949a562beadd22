import { readFileSync } from 'node:fs'
import { Type, type Static, type TObject } from 'typebox'
import { createAjv, faultsOf } from './schema.ts'

/** What every service is told by its environment. */
export const Common = {
  HOST: Type.String({ default: '127.0.0.1', description: 'The address to listen on' }),
  PORT: Type.Integer({ minimum: 0, maximum: 65535, description: 'The port to listen on; 0 takes a free one' }),
  LOG_LEVEL: Type.Enum(['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'], { default: 'info' }),
  JWT_ISSUER: Type.String({ minLength: 1, default: 'halles' }),
  JWT_AUDIENCE: Type.String({ minLength: 1, default: 'halles' }),
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(
    Type.String({ format: 'uri', description: 'Where spans go; none if unset' }),
  ),
}

/** For the services that check tokens with the keys of auth-service. */
export const JwksUrl = { JWKS_URL: Type.String({ format: 'uri', description: "auth-service's public keys" }) }

/** For the gateway, and for the services that count by where requests come from. */
export const GatewaySecret = {
  GATEWAY_SECRET: Type.Optional(
    Type.String({
      minLength: 16,
      pattern: '^[\\x21-\\x7e]+$',
      description:
        'What the gateway proves itself to services with: 16 visible ASCII characters or more, without blanks',
    }),
  ),
}

/** For the services that own a database. */
export const MongodbUrl = {
  MONGODB_URL: Type.String({
    pattern: '^mongodb(\\+srv)?://[^/]+/[A-Za-z0-9_-]+',
    description: 'A replica set, with the name of the database: mongodb://host:27017/halles_order?replicaSet=rs0',
  }),
}

export const KafkaBrokers = {
  KAFKA_BROKERS: Type.String({ pattern: '^[^,\\s]+:\\d+(,[^,\\s]+:\\d+)*$', description: 'host:port, by commas' }),
}

/**
 * Reads a service's settings from environment variables: text is turned into the schema's types, an empty variable
 * counts as unset, and `NAME_FILE` names a file that holds NAME (a mounted secret).
 *
 * @throws one Error whose message lists every mistake, a line each.
 */
export function readConfig<T extends TObject>(schema: T, env: NodeJS.ProcessEnv): Static<T> {
  const names = Object.keys(schema.properties)
  const mistakes: string[] = []
  const values: Record<string, unknown> = {}
  for (const name of names) {
    const file = env[`${name}_FILE`]
    try {
      const value = file ? readFileSync(file, 'utf8').trimEnd() : env[name]
      if (value !== undefined && value !== '') values[name] = value
    } catch (error) {
      mistakes.push(`${name}_FILE: ${(error as Error).message}`)
    }
  }
  const validate = createAjv({ coerceTypes: true }).compile(schema)
  if (!validate(values))
    for (const fault of faultsOf(validate.errors)) {
      const name = fault.path.slice(1)
      const { description } = (schema.properties[name] ?? {}) as { description?: string }
      mistakes.push(`${name} ${fault.message}${description ? ` (${description})` : ''}`)
    }
  if (mistakes.length > 0) throw new Error(`These environment variables are not right:\n  ${mistakes.join('\n  ')}`)
  return values as Static<T>
}
