import ipaddr from 'ipaddr.js'
import { LRUCache } from 'lru-cache'

/** A network that a client belongs to. */
export type ClientNetwork = {
  /** The network in CIDR notation, such as `2001:db8:1:2::/64`, or a text that is no address. */
  cidr: string
  /** Its position from the narrowest network (0) to the widest. */
  level: 0 | 1 | 2
  /** How many times the limit of one client address holds for all clients of the network together. */
  share: number
}

/**
 * The networks of a client, from narrow to wide. One customer holds a whole IPv6 /64, often a /56 or a /48, and all addresses
 * of it; an IPv4 /24 often belongs to one company. So each limit also holds for the wider networks, with a larger share.
 */
const prefixes = {
  ipv4: [
    { length: 32, share: 1 },
    { length: 24, share: 2 },
  ],
  ipv6: [
    { length: 64, share: 1 },
    { length: 56, share: 2 },
    { length: 48, share: 4 },
  ],
} as const

/** Parsed addresses: an address is looked up for each of its requests. */
const known = new LRUCache<string, readonly ClientNetwork[]>({ max: 10_000 })

/** Returns the networks of an IP address, from narrow to wide. A text that is no address is a network of its own. */
export function clientNetworks(address: string): readonly ClientNetwork[] {
  const cached = known.get(address)
  if (cached) return cached
  const networks = parseNetworks(address)
  known.set(address, networks)
  return networks
}

function parseNetworks(address: string): readonly ClientNetwork[] {
  if (!ipaddr.isValid(address)) return [{ cidr: address, level: 0, share: 1 }]
  const parsed = ipaddr.process(address) // ::ffff:192.0.2.1 is 192.0.2.1
  const bytes = parsed.toByteArray()
  return prefixes[parsed.kind()].map(({ length, share }, level) => {
    const network = ipaddr.fromByteArray(bytes.map((byte, i) => byte & prefixMask(length - 8 * i)))
    return { cidr: `${network.toString()}/${length}`, level: level as ClientNetwork['level'], share }
  })
}

/** The byte whose first `bits` bits are set. */
const prefixMask = (bits: number): number => (0xff << (8 - Math.max(0, Math.min(8, bits)))) & 0xff
