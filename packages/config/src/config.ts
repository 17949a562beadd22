import { readFileSync } from 'node:fs'
import { Type, type Static, type TObject } from 'typebox'
import { createAjv, toFieldErrors } from '@halles/validation/schema'

/** Environment variables of every service. */
export const CommonSettings = {
  HOST: Type.String({ default: '127.0.0.1', description: 'The address to listen on' }),
  PORT: Type.Integer({ minimum: 0, maximum: 65535, description: 'The port to listen on; 0 takes a free one' }),
  OPERATOR_HOST: Type.String({
    default: '127.0.0.1',
    description: 'The address to listen on for operators, which must not be public; only used with OPERATOR_PORT',
  }),
  OPERATOR_PORT: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 65535,
      description: 'The port of /readyz and /metrics; PORT if unset, and none at the gateway, whose PORT is public',
    }),
  ),
  NODE_ENV: Type.Optional(
    Type.String({ description: 'With production, settings that are only fit for development are rejected' }),
  ),
  LOG_LEVEL: Type.Enum(['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'], { default: 'info' }),
  JWT_ISSUER: Type.String({ minLength: 1, default: 'halles' }),
  JWT_AUDIENCE: Type.String({ minLength: 1, default: 'halles' }),
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(
    Type.String({ format: 'uri', description: 'The OTLP endpoint for spans; none are exported if unset' }),
  ),
}

/** For the services that verify access tokens with the public keys of auth-service. */
export const JwksSettings = {
  JWKS_URL: Type.String({ format: 'uri', description: "The URL of auth-service's public keys (JWKS)" }),
}

/** A secret that is sent in headers, and so must be visible ASCII. */
const Secret = (description: string) =>
  Type.String({
    minLength: 16,
    pattern: '^[\\x21-\\x7e]+$',
    description: `${description}: at least 16 visible ASCII characters, without spaces`,
  })

/** A PEM certificate or key; usually set by `NAME_FILE`. */
const Pem = (description: string) => Type.String({ pattern: '^\\s*-----BEGIN [A-Z ]+-----', description })

/** For the gateway, and for the services that trust its `X-Forwarded-For`. */
export const GatewaySecretSettings = {
  GATEWAY_SECRET: Type.Optional(Secret('The secret by which services recognise the gateway')),
}

/** For the services that serve GraphQL. */
export const OpenSchemaSettings = {
  OPEN_SCHEMA: Type.Optional(
    Type.Boolean({
      description: 'Whether to disclose the schema, by introspection and the like; false in production if unset',
    }),
  ),
}

/** For the services behind the gateway. */
export const BehindGatewaySettings = {
  ...GatewaySecretSettings,
  GATEWAY_ONLY: Type.Optional(
    Type.Boolean({
      description: 'Whether to answer only the gateway and requests with an access token; true in production if unset',
    }),
  ),
  ...OpenSchemaSettings,
}

/** For gRPC servers and clients. */
export const PeerSettings = {
  GRPC_SECRET: Type.Optional(Secret('The secret by which gRPC peers recognise each other')),
  GRPC_TLS_CERT: Type.Optional(Pem('The certificate of this service, PEM')),
  GRPC_TLS_KEY: Type.Optional(Pem('The private key of this service, PEM')),
  GRPC_TLS_CA: Type.Optional(
    Pem('The certificate authority of all peers, PEM: a certificate that it signed is trusted'),
  ),
}

/** For the services that own a database. */
export const MongodbSettings = {
  MONGODB_URL: Type.String({
    pattern: '^mongodb(\\+srv)?://[^/]+/[A-Za-z0-9_-]+',
    description: 'A replica set, with the name of the database: mongodb://host:27017/halles_order?replicaSet=rs0',
  }),
}

export const KafkaSettings = {
  KAFKA_BROKERS: Type.String({
    pattern: '^[^,\\s]+:\\d+(,[^,\\s]+:\\d+)*$',
    description: 'host:port, separated by commas',
  }),
  KAFKA_REPLICATION_FACTOR: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 16,
      description: "The replicas of each topic that this service creates; Kafka's default.replication.factor if unset",
    }),
  ),
}

/** For auth-service and notification-service. */
export const AccountLinkSettings = {
  ACCOUNT_LINK_SECRET: Type.Optional(
    Type.String({
      minLength: 32,
      description:
        'The secret that encrypts the tokens in account e-mails between auth-service and notification-service: at least 32 characters',
    }),
  ),
}

/** Authentication of this service to Kafka, and of Kafka to this service. */
export const KafkaCredentialSettings = {
  KAFKA_SASL_MECHANISM: Type.Optional(Type.Enum(['plain', 'scram-sha-256', 'scram-sha-512'])),
  KAFKA_SASL_USERNAME: Type.Optional(Type.String({ minLength: 1 })),
  KAFKA_SASL_PASSWORD: Type.Optional(Type.String({ minLength: 1 })),
  KAFKA_TLS: Type.Boolean({
    default: false,
    description: 'Whether to use TLS, and to verify the certificate of Kafka',
  }),
  KAFKA_TLS_CA: Type.Optional(
    Pem("The authority that signed Kafka's certificate, PEM; the public authorities if unset"),
  ),
  KAFKA_TLS_CERT: Type.Optional(Pem('The client certificate of this service, PEM, if Kafka requires one')),
  KAFKA_TLS_KEY: Type.Optional(Pem('The private key of KAFKA_TLS_CERT, PEM')),
}

/** JSON Schema `dependencies` of settings that require each other. */
export const requiredTogether = (...names: string[]): Record<string, string[]> =>
  Object.fromEntries(names.map((name) => [name, names.filter((other) => other !== name)]))

/** The `dependencies` of PeerSettings and KafkaCredentialSettings. */
export const settingsRequiredTogether = {
  ...requiredTogether('GRPC_TLS_CERT', 'GRPC_TLS_KEY', 'GRPC_TLS_CA'),
  ...requiredTogether('KAFKA_SASL_MECHANISM', 'KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD'),
  ...requiredTogether('KAFKA_TLS_CERT', 'KAFKA_TLS_KEY'),
}

/** Secrets for development that this public repository contains. */
const publishedSecrets = new Set<unknown>([
  'only-for-trying-things-out',
  'only-for-trying-things-out-with-letters',
  'halles-admin-demo',
  'halles-camille-demo',
])

/** Whether a secret is set, and is none of those that this repository publishes. */
export const isPrivateSecret = (secret: unknown): boolean => secret !== undefined && !publishedSecrets.has(secret)

/** A condition on the settings that must hold in production: the setting's name, the check, and the end of the error message. */
export type ProductionRequirement = {
  name: string
  isMet: (settings: Readonly<Record<string, unknown>>) => boolean
  message: string
}

const OWN = 'must be set to a secret of your own'

/** Conditions under which a service starts in production. */
export const productionRequirements = {
  gatewaySecret: {
    name: 'GATEWAY_SECRET',
    isMet: ({ GATEWAY_SECRET }) => isPrivateSecret(GATEWAY_SECRET),
    message: OWN,
  },
  behindGateway: {
    name: 'GATEWAY_SECRET',
    isMet: ({ GATEWAY_ONLY, GATEWAY_SECRET }) => GATEWAY_ONLY === false || isPrivateSecret(GATEWAY_SECRET),
    message: `${OWN}, or GATEWAY_ONLY to false`,
  },
  peers: {
    name: 'GRPC_SECRET',
    isMet: ({ GRPC_SECRET, GRPC_TLS_CERT }) =>
      isPrivateSecret(GRPC_SECRET) || (GRPC_SECRET === undefined && GRPC_TLS_CERT !== undefined),
    message: `${OWN}, or GRPC_TLS_CERT, GRPC_TLS_KEY and GRPC_TLS_CA`,
  },
  accountLinks: {
    name: 'ACCOUNT_LINK_SECRET',
    isMet: ({ ACCOUNT_LINK_SECRET }) => ACCOUNT_LINK_SECRET === undefined || isPrivateSecret(ACCOUNT_LINK_SECRET),
    message: 'must be a secret of your own, or unset, which disables e-mails about accounts',
  },
} as const satisfies Record<string, ProductionRequirement>

/**
 * Reads a service's settings from environment variables. Text is converted to the schema's types, an empty variable counts as
 * unset, and `NAME_FILE` names a file that holds NAME (a mounted secret).
 *
 * @param inProduction conditions that are checked with NODE_ENV=production
 * @throws one Error that lists every mistake, a line each, without the values
 */
export function readConfig<T extends TObject>(
  schema: T,
  env: NodeJS.ProcessEnv,
  inProduction: readonly ProductionRequirement[] = [],
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
    for (const fieldError of toFieldErrors(validate.errors)) {
      const name = fieldError.path.slice(1)
      const { description } = (schema.properties[name] ?? {}) as { description?: string }
      mistakes.push(`${name} ${fieldError.message}${description ? ` (${description})` : ''}`)
    }
  if (values['NODE_ENV'] === 'production')
    for (const { name, isMet, message } of inProduction)
      if (!isMet(values)) mistakes.push(`${name} ${message}, in production`)
  if (mistakes.length > 0) throw new Error(`Invalid environment variables:\n  ${mistakes.join('\n  ')}`)
  return values as Static<T>
}

/** The options of createServiceApp that decide who may call a service, and what it discloses. */
export const accessOptions = ({
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
  operatorPort: OPERATOR_PORT === undefined ? ('same' as const) : ('own' as const),
  gatewaySecret: GATEWAY_SECRET,
  gatewayOnly: GATEWAY_ONLY ?? NODE_ENV === 'production',
  openSchema: isSchemaOpen({ OPEN_SCHEMA, NODE_ENV }),
})

/** Whether to disclose the schema: by default, except in production. */
export const isSchemaOpen = ({ OPEN_SCHEMA, NODE_ENV }: { OPEN_SCHEMA?: boolean; NODE_ENV?: string }): boolean =>
  OPEN_SCHEMA ?? NODE_ENV !== 'production'

/** How gRPC peers authenticate each other: by a shared secret, by certificates (mTLS), by both, or not at all. */
export type PeerCredentials = { secret?: string; tls?: { cert: string; key: string; ca: string } }

/** The gRPC credentials in a service's settings. */
export const peerCredentials = ({
  GRPC_SECRET: secret,
  GRPC_TLS_CERT: cert,
  GRPC_TLS_KEY: key,
  GRPC_TLS_CA: ca,
}: {
  [name in keyof typeof PeerSettings]?: string
}): PeerCredentials => ({
  ...(secret !== undefined && { secret }),
  ...(cert !== undefined && key !== undefined && ca !== undefined && { tls: { cert, key, ca } }),
})

/** How often Kafka stores a topic, and how many of these replicas must have a message before it is acknowledged. */
export type TopicReplication = { replicationFactor: number; minInSyncReplicas: number }

/**
 * The replication of new topics in a service's settings; undefined for that of Kafka's own settings. All replicas but one must
 * be in sync: with three, one broker may fail without a message being refused, and two without one being lost.
 */
export const topicReplication = ({
  KAFKA_REPLICATION_FACTOR: replicationFactor,
}: {
  KAFKA_REPLICATION_FACTOR?: number
}): TopicReplication | undefined =>
  replicationFactor === undefined
    ? undefined
    : { replicationFactor, minInSyncReplicas: Math.max(1, replicationFactor - 1) }

/** Kafka credentials; empty for a Kafka without authentication. */
export type KafkaCredentials = {
  sasl?: { mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; username: string; password: string }
  tls?: { ca?: string; cert?: string; key?: string }
}

/** The Kafka credentials in a service's settings. */
export function kafkaCredentials({
  KAFKA_SASL_MECHANISM: mechanism,
  KAFKA_SASL_USERNAME: username,
  KAFKA_SASL_PASSWORD: password,
  KAFKA_TLS,
  KAFKA_TLS_CA: ca,
  KAFKA_TLS_CERT: cert,
  KAFKA_TLS_KEY: key,
}: Partial<Static<TObject<typeof KafkaCredentialSettings>>>): KafkaCredentials {
  return {
    ...(mechanism && username && password && { sasl: { mechanism, username, password } }),
    ...(KAFKA_TLS && { tls: { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) } }),
  }
}
