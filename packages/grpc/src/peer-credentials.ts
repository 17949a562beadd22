import { createSecureContext } from 'node:tls'
import {
  credentials,
  InterceptingCall,
  ServerCredentials,
  ServerInterceptingCall,
  status,
  type ChannelCredentials,
  type Interceptor,
  type ServerInterceptor,
} from '@grpc/grpc-js'
import type { PeerCredentials } from '@halles/config/config'
import { createSecretComparer } from '@halles/auth/secret-comparer'

/** The metadata key in which a client sends GRPC_SECRET. */
const PROOF = 'x-peer-secret'

/** The health service needs no secret, so that probes can call it. */
const PUBLIC_SERVICE = '/grpc.health.v1.Health/'

/**
 * Creates the interceptors and credentials of a gRPC server. With a secret, all services except health require it, reflection
 * too. With certificates, a client must present one that the authority signed (mTLS).
 */
export const createServerCredentials = ({
  secret,
  tls,
}: PeerCredentials): { interceptors: ServerInterceptor[]; credentials: ServerCredentials } => ({
  interceptors: secret === undefined ? [] : [requireSecret(secret)],
  credentials: tls
    ? ServerCredentials.createSsl(Buffer.from(tls.ca), [toKeyCertPair(tls)], true)
    : ServerCredentials.createInsecure(),
})

/** Creates the interceptors and credentials of a gRPC client. */
export const createClientCredentials = ({
  secret,
  tls,
}: PeerCredentials): { interceptors: Interceptor[]; channel: ChannelCredentials } => ({
  interceptors: secret === undefined ? [] : [sendSecret(secret)],
  channel: tls
    ? credentials.createSsl(Buffer.from(tls.ca), toKeyCertPair(tls).private_key, toKeyCertPair(tls).cert_chain)
    : credentials.createInsecure(),
})

/** @throws Error when key and certificate do not match, which grpc-js would only report on every connection. */
function toKeyCertPair({ cert, key, ca }: NonNullable<PeerCredentials['tls']>) {
  try {
    createSecureContext({ cert, key, ca })
  } catch (error) {
    throw new Error(
      'GRPC_TLS_CERT, GRPC_TLS_KEY and GRPC_TLS_CA are not a certificate, its private key and an authority.',
      {
        cause: error,
      },
    )
  }
  return { private_key: Buffer.from(key), cert_chain: Buffer.from(cert) }
}

function requireSecret(secret: string): ServerInterceptor {
  const isSecret = createSecretComparer(secret)
  return ({ path }, call) => {
    if (path.startsWith(PUBLIC_SERVICE)) return new ServerInterceptingCall(call)
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, pass) => {
            const [proof] = metadata.get(PROOF)
            if (typeof proof === 'string' && isSecret(proof)) return pass(metadata)
            call.sendStatus({
              code: status.UNAUTHENTICATED,
              details: 'This service requires the metadata x-peer-secret.',
            })
          },
        }),
    })
  }
}

const sendSecret =
  (secret: string): Interceptor =>
  (options, nextCall) =>
    new InterceptingCall(nextCall(options), {
      start: (metadata, listener, next) => {
        metadata.set(PROOF, secret)
        next(metadata, listener)
      },
    })
