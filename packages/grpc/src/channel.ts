import type { ChannelOptions } from '@grpc/grpc-js'

/** The first and the longest pause before a lost connection is opened again, in milliseconds. */
const RECONNECT_BACKOFF = { first: 100, longest: 1000 }

/** Round robin over all addresses that are connected (gRPC service config). */
const SERVICE_CONFIG = JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] })

/**
 * Returns the gRPC target and channel options for the addresses of a service: `host:port`, whose name may have several A or
 * AAAA records, or several `IPv4:port` separated by commas. Calls are distributed round robin over the addresses that are
 * connected; an instance that comes back is reconnected within a second.
 */
export function channelTo(addresses: string): { target: string; options: ChannelOptions } {
  const several = addresses.includes(',')
  return {
    target: several ? `ipv4:${addresses}` : addresses,
    options: {
      'grpc.service_config': SERVICE_CONFIG,
      'grpc.initial_reconnect_backoff_ms': RECONNECT_BACKOFF.first,
      'grpc.max_reconnect_backoff_ms': RECONNECT_BACKOFF.longest,
      'grpc.keepalive_time_ms': 20_000,
    },
  }
}
