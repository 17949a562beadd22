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
import type { Trust } from './config.ts'
import { sameAs } from './same.ts'

/** The metadata by which a peer proves that it is one. */
const PROOF = 'x-peer-secret'

/** Health is for whoever reaches the port, so that probes need no secret; it tells nothing else. */
const OPEN = '/grpc.health.v1.Health/'

/**
 * What a gRPC server listens with. With a secret every call but those of the health service needs it, reflection too; with
 * certificates no one connects without one that the authority has signed.
 */
export const listeningTo = ({
  secret,
  tls,
}: Trust): { interceptors: ServerInterceptor[]; door: ServerCredentials } => ({
  interceptors: secret === undefined ? [] : [onlyWith(secret)],
  door: tls ? ServerCredentials.createSsl(Buffer.from(tls.ca), [pair(tls)], true) : ServerCredentials.createInsecure(),
})

/** What a gRPC client calls with. */
export const calling = ({ secret, tls }: Trust): { interceptors: Interceptor[]; channel: ChannelCredentials } => ({
  interceptors: secret === undefined ? [] : [proving(secret)],
  channel: tls
    ? credentials.createSsl(Buffer.from(tls.ca), pair(tls).private_key, pair(tls).cert_chain)
    : credentials.createInsecure(),
})

/** @throws Error with a sentence when they are no pair: grpc-js would tell of it at every connection, and go on. */
function pair({ cert, key, ca }: NonNullable<Trust['tls']>) {
  try {
    createSecureContext({ cert, key, ca })
  } catch (error) {
    throw new Error('GRPC_TLS_CERT, GRPC_TLS_KEY and GRPC_TLS_CA are not a certificate, its key and an authority.', {
      cause: error,
    })
  }
  return { private_key: Buffer.from(key), cert_chain: Buffer.from(cert) }
}

function onlyWith(secret: string): ServerInterceptor {
  const isSecret = sameAs(secret)
  return ({ path }, call) => {
    if (path.startsWith(OPEN)) return new ServerInterceptingCall(call)
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, pass) => {
            const [proof] = metadata.get(PROOF)
            if (typeof proof === 'string' && isSecret(proof)) return pass(metadata)
            call.sendStatus({ code: status.UNAUTHENTICATED, details: 'This door is for peers that prove themselves.' })
          },
        }),
    })
  }
}

const proving =
  (secret: string): Interceptor =>
  (options, nextCall) =>
    new InterceptingCall(nextCall(options), {
      start: (metadata, listener, next) => {
        metadata.set(PROOF, secret)
        next(metadata, listener)
      },
    })
