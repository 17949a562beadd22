import { describe, expect, it } from 'vitest'
import {
  brokerFaults,
  connectionsOf,
  replicaSetFaults,
  scheduleFaults,
  scheduleSoakFaults,
  type Topology,
} from './fault-schedule.ts'
import { mailFaults } from './mail-server.ts'

const single: Topology = {
  processes: ['auth', 'product', 'order', 'order-2', 'notification', 'notification-2', 'gateway'],
  replicas: false,
}
const services = ['auth', 'product', 'order', 'notification', 'gateway'] as const
const replicated: Topology = { processes: services.flatMap((name) => [name, `${name}-2` as const]), replicas: true }

describe('connectionsOf', () => {
  it('lists each process with each of the endpoints that it uses', () => {
    const connections = connectionsOf(replicated)
    expect(connections).toEqual(
      expect.arrayContaining(['order-2→productGrpc', 'order→productGrpc-2', 'gateway-2→order', 'auth-2→mongodb']),
    )
    expect(new Set(connections).size).toBe(connections.length)
    // Brokers fail instead of the connections to them.
    expect(connections.filter((name) => name.endsWith('→kafka'))).toEqual([])
    expect(connectionsOf(single)).toEqual(expect.arrayContaining(['auth→kafka', 'order→productGrpc', 'gateway→order']))
  })
})

describe('scheduleFaults', () => {
  it('gives the same schedule for the same seed, within the duration of the run', () => {
    expect(scheduleFaults(replicated, 7, 60)).toEqual(scheduleFaults(replicated, 7, 60))
    expect(scheduleFaults(replicated, 7, 60)).not.toEqual(scheduleFaults(replicated, 8, 60))
    for (const { at } of scheduleFaults(replicated, 7, 60)) expect(at).toBeLessThan(60_000)
  })

  it.each([1, 7, 42])('reaches every process, connection and mail fault within 120 s with seed %i', (seed) => {
    const faults = scheduleFaults(single, seed, 120)
    const targetsOf = (...kinds: string[]) =>
      new Set(faults.filter(({ what }) => kinds.includes(what)).map(({ on }) => on))
    expect([...targetsOf('kill')].toSorted()).toEqual([...single.processes, 'kafka', 'mongodb'].toSorted())
    expect([...targetsOf('down', 'stall', 'latency', 'drop-responses')].toSorted()).toEqual(
      connectionsOf(single).toSorted(),
    )
    expect(new Set(faults.filter(({ on }) => on === 'mail').map(({ what }) => what))).toEqual(new Set(mailFaults))
    expect(faults.find(({ what, lasts }) => what === 'freeze' && lasts > 15_000)?.on).toMatch(/^order/)
  })

  it.each([1, 7, 42])('reaches every fault of members and brokers within 60 s with seed %i', (seed) => {
    const kinds = scheduleFaults(replicated, seed, 60).map(({ what }) => what)
    expect(kinds).toEqual(expect.arrayContaining([...replicaSetFaults, ...brokerFaults, 'restart']))
    expect(scheduleFaults(single, seed, 60).filter(({ what }) => what === 'restart')).toEqual([])
  })

  it('begins alike for runs of any duration', () => {
    const short = scheduleFaults(replicated, 5, 20)
    expect(scheduleFaults(replicated, 5, 200).slice(0, short.length)).toEqual(short)
  })
})

describe('scheduleSoakFaults', () => {
  it('kills no service, and reaches every connection within 30 minutes', () => {
    const faults = scheduleSoakFaults(single, 7, 1800)
    const killed = faults.filter(({ what }) => what === 'kill').map(({ on }) => on)
    expect([...new Set(killed)].toSorted()).toEqual(['kafka', 'mongodb'])
    expect(faults.map(({ on }) => on)).toEqual(expect.arrayContaining(connectionsOf(single)))
    expect(faults.length / 30).toBeGreaterThan(1.5)
    expect(faults.length / 30).toBeLessThan(4)
  })
})
