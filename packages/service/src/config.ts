import { readFileSync } from 'node:fs'
import { Type, type Static, type TObject } from 'typebox'
import { createAjv, faultsOf } from './schema.ts'

/** What every service is told by its environment. */
export const Common = {
  HOST: Type.String({ default: '127.0.0.1', description: 'The address to listen on' }),
  PORT: Type.Integer({ minimum: 0, maximum: 65535, description: 'The port to listen on; 0 takes a free one' }),
  OPERATOR_HOST: Type.String({
    default: '127.0.0.1',
    description: 'The address for operators, which the public must not reach; of use with OPERATOR_PORT only',
  }),
  OPERATOR_PORT: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 65535,
      description: 'The port of /readyz and /metrics; PORT if unset, and none at the gateway, whose PORT is public',
    }),
  ),
  NODE_ENV: Type.Optional(Type.String({ description: 'production refuses what is only good for trying things out' })),
  LOG_LEVEL: Type.Enum(['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'], { default: 'info' }),
  JWT_ISSUER: Type.String({ minLength: 1, default: 'halles' }),
  JWT_AUDIENCE: Type.String({ minLength: 1, default: 'halles' }),
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(
    Type.String({ format: 'uri', description: 'Where spans go; none if unset' }),
  ),
}

/** For the services that check tokens with the keys of auth-service. */
export const JwksUrl = { JWKS_URL: Type.String({ format: 'uri', description: "auth-service's public keys" }) }

/** Visible ASCII: it travels in headers. */
const Secret = (description: string) =>
  Type.String({
    minLength: 16,
    pattern: '^[\\x21-\\x7e]+$',
    description: `${description}: 16 visible ASCII characters or more, without blanks`,
  })

/** Certificates and keys are text too; `NAME_FILE` is the usual way to give them. */
const Pem = (description: string) => Type.String({ pattern: '^\\s*-----BEGIN [A-Z ]+-----', description })

/** For the gateway, and for the services that believe it where a request comes from. */
export const GatewaySecret = {
  GATEWAY_SECRET: Type.Optional(Secret('What the gateway proves itself to services with')),
}

/** For whoever serves GraphQL. */
export const OpenSchema = {
  OPEN_SCHEMA: Type.Optional(
    Type.Boolean({
      description: 'Whether the schema may be asked for, by introspection and the like; not in production, if unset',
    }),
  ),
}

/** For the services behind the gateway. */
export const BehindGateway = {
  ...GatewaySecret,
  GATEWAY_ONLY: Type.Optional(
    Type.Boolean({
      description: 'Whether only the gateway and who is signed in are answered; true in production if unset',
    }),
  ),
  ...OpenSchema,
}

/** For both ends of gRPC: they are the same service's settings on either side. */
export const Peers = {
  GRPC_SECRET: Type.Optional(Secret('What peers prove themselves to each other with')),
  GRPC_TLS_CERT: Type.Optional(Pem('The certificate of this end, PEM')),
  GRPC_TLS_KEY: Type.Optional(Pem('The private key of this end, PEM')),
  GRPC_TLS_CA: Type.Optional(Pem('Who signs the certificates of peers, PEM: whoever has one is a peer')),
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

/** For auth-service, and for the service that writes the letters. */
export const AccountLinkSecret = {
  ACCOUNT_LINK_SECRET: Type.Optional(
    Type.String({
      minLength: 32,
      description: 'What the links in letters about accounts are sealed with, from auth-service to their writer',
    }),
  ),
}

/** How this service shows Kafka who it is, and knows that it is Kafka. */
export const KafkaAccess = {
  KAFKA_SASL_MECHANISM: Type.Optional(Type.Enum(['plain', 'scram-sha-256', 'scram-sha-512'])),
  KAFKA_SASL_USERNAME: Type.Optional(Type.String({ minLength: 1 })),
  KAFKA_SASL_PASSWORD: Type.Optional(Type.String({ minLength: 1 })),
  KAFKA_TLS: Type.Boolean({ default: false, description: 'Whether to speak TLS, and to check who answers' }),
  KAFKA_TLS_CA: Type.Optional(Pem("Who signs Kafka's certificate, PEM; the usual authorities if unset")),
  KAFKA_TLS_CERT: Type.Optional(Pem('A certificate of this service, PEM, where Kafka asks for one')),
  KAFKA_TLS_KEY: Type.Optional(Pem('The private key of KAFKA_TLS_CERT, PEM')),
}

/** Settings that are of no use without each other, as JSON Schema's `dependencies`. */
export const together = (...names: string[]): Record<string, string[]> =>
  Object.fromEntries(names.map((name) => [name, names.filter((other) => other !== name)]))

/** For whoever has Peers or KafkaAccess among their settings. */
export const dependencies = {
  ...together('GRPC_TLS_CERT', 'GRPC_TLS_KEY', 'GRPC_TLS_CA'),
  ...together('KAFKA_SASL_MECHANISM', 'KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD'),
  ...together('KAFKA_TLS_CERT', 'KAFKA_TLS_KEY'),
}

/** Secrets that stand in this repository for trying things out: everyone knows them. */
const published = new Set<unknown>([
  'only-for-trying-things-out',
  'only-for-trying-things-out-with-letters',
  'halles-admin-demo',
  'halles-camille-demo',
])

/** Whether a secret is one that only its owner knows. */
export const isOwn = (secret: unknown): boolean => secret !== undefined && !published.has(secret)

/** What production does not start without: the setting, whether it is as it should be, and what to say if not. */
export type Demand = { name: string; met: (settings: Readonly<Record<string, unknown>>) => boolean; sentence: string }

const OWN = 'must be set to a secret of your own'

export const demands = {
  gatewaySecret: { name: 'GATEWAY_SECRET', met: ({ GATEWAY_SECRET }) => isOwn(GATEWAY_SECRET), sentence: OWN },
  behindGateway: {
    name: 'GATEWAY_SECRET',
    met: ({ GATEWAY_ONLY, GATEWAY_SECRET }) => GATEWAY_ONLY === false || isOwn(GATEWAY_SECRET),
    sentence: `${OWN}, or GATEWAY_ONLY to false`,
  },
  peers: {
    name: 'GRPC_SECRET',
    met: ({ GRPC_SECRET, GRPC_TLS_CERT }) =>
      isOwn(GRPC_SECRET) || (GRPC_SECRET === undefined && GRPC_TLS_CERT !== undefined),
    sentence: `${OWN}, or GRPC_TLS_CERT, GRPC_TLS_KEY and GRPC_TLS_CA`,
  },
  accountLinks: {
    name: 'ACCOUNT_LINK_SECRET',
    met: ({ ACCOUNT_LINK_SECRET }) => ACCOUNT_LINK_SECRET === undefined || isOwn(ACCOUNT_LINK_SECRET),
    sentence: 'must be a secret of your own, or unset, which means no letters about accounts',
  },
} as const satisfies Record<string, Demand>

/**
 * Reads a service's settings from environment variables: text is turned into the schema's types, an empty variable
 * counts as unset, and `NAME_FILE` names a file that holds NAME (a mounted secret).
 *
 * @param inProduction is asked for with NODE_ENV=production
 * @throws one Error whose message lists every mistake, a line each.
 */
export function readConfig<T extends TObject>(
  schema: T,
  env: NodeJS.ProcessEnv,
  inProduction: readonly Demand[] = [],
): Static<T> {
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
  if (values['NODE_ENV'] === 'production')
    for (const { name, met, sentence } of inProduction)
      if (!met(values)) mistakes.push(`${name} ${sentence}, in production`)
  if (mistakes.length > 0) throw new Error(`These environment variables are not right:\n  ${mistakes.join('\n  ')}`)
  return values as Static<T>
}

/** What serviceApp is to know of the doors of a service. */
export const doorsOf = ({
  OPERATOR_PORT,
  GATEWAY_SECRET,
  GATEWAY_ONLY,
  OPEN_SCHEMA,
  NODE_ENV,
}: {
  OPERATOR_PORT?: number
  GATEWAY_SECRET?: string
  GATEWAY_ONLY?: boolean
  OPEN_SCHEMA?: boolean
  NODE_ENV?: string
}) => ({
  operatorDoor: OPERATOR_PORT === undefined ? ('same' as const) : ('own' as const),
  gatewaySecret: GATEWAY_SECRET,
  gatewayOnly: GATEWAY_ONLY ?? NODE_ENV === 'production',
  openSchema: isSchemaOpen({ OPEN_SCHEMA, NODE_ENV }),
})

/** Whether a schema may be asked for: in production only where OPEN_SCHEMA says so. */
export const isSchemaOpen = ({ OPEN_SCHEMA, NODE_ENV }: { OPEN_SCHEMA?: boolean; NODE_ENV?: string }): boolean =>
  OPEN_SCHEMA ?? NODE_ENV !== 'production'

/** How peers of gRPC know each other: by a secret, by certificates, by both, or not at all. */
export type Trust = { secret?: string; tls?: { cert: string; key: string; ca: string } }

export const trustOf = ({
  GRPC_SECRET: secret,
  GRPC_TLS_CERT: cert,
  GRPC_TLS_KEY: key,
  GRPC_TLS_CA: ca,
}: {
  [name in keyof typeof Peers]?: string
}): Trust => ({
  ...(secret !== undefined && { secret }),
  ...(cert !== undefined && key !== undefined && ca !== undefined && { tls: { cert, key, ca } }),
})

/** How a client gets into Kafka; nothing where everyone may. */
export type Access = {
  sasl?: { mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; username: string; password: string }
  tls?: { ca?: string; cert?: string; key?: string }
}

export function accessOf({
  KAFKA_SASL_MECHANISM: mechanism,
  KAFKA_SASL_USERNAME: username,
  KAFKA_SASL_PASSWORD: password,
  KAFKA_TLS,
  KAFKA_TLS_CA: ca,
  KAFKA_TLS_CERT: cert,
  KAFKA_TLS_KEY: key,
}: Partial<Static<TObject<typeof KafkaAccess>>>): Access {
  return {
    ...(mechanism && username && password && { sasl: { mechanism, username, password } }),
    ...(KAFKA_TLS && { tls: { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) } }),
  }
}
