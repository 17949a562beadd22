import { describe, expect, it } from 'vitest'
import { clientNetworks } from './client-networks.ts'

describe('clientNetworks', () => {
  it.each([
    ['203.0.113.9', ['203.0.113.9/32', '203.0.113.0/24']],
    ['::ffff:203.0.113.9', ['203.0.113.9/32', '203.0.113.0/24']],
    ['2001:db8:1:2ab:3:4:5:6', ['2001:db8:1:2ab::/64', '2001:db8:1:200::/56', '2001:db8:1::/48']],
    ['2001:DB8:1:2AB::1', ['2001:db8:1:2ab::/64', '2001:db8:1:200::/56', '2001:db8:1::/48']],
    ['fe80::1%eth0', ['fe80::/64', 'fe80::/56', 'fe80::/48']],
    ['::1', ['::/64', '::/56', '::/48']],
    ['nowhere', ['nowhere']],
  ])('maps %s to %s', (address, cidrs) => {
    expect(clientNetworks(address).map(({ cidr }) => cidr)).toEqual(cidrs)
  })

  it('gives wider networks a larger share of a limit', () => {
    expect(clientNetworks('203.0.113.9').map(({ share }) => share)).toEqual([1, 2])
    expect(clientNetworks('2001:db8::1').map(({ share }) => share)).toEqual([1, 2, 4])
  })
})
