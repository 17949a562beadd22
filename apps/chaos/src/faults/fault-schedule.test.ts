import { describe, expect, it } from 'vitest'
import { connectionNames, scheduleFaults, scheduleSoakFaults } from './fault-schedule.ts'
import { mailFaults } from './mail-server.ts'

describe('scheduleFaults', () => {
  it('gives the same schedule for the same seed, within the duration of the run', () => {
    expect(scheduleFaults(7, 60)).toEqual(scheduleFaults(7, 60))
    expect(scheduleFaults(7, 60)).not.toEqual(scheduleFaults(8, 60))
    for (const { at } of scheduleFaults(7, 60)) expect(at).toBeLessThan(60_000)
  })

  it.each([1, 7, 42])('reaches every process, connection and mail fault within 90 s with seed %i', (seed) => {
    const faults = scheduleFaults(seed, 90)
    const targetsOf = (...kinds: string[]) =>
      new Set(faults.filter(({ what }) => kinds.includes(what)).map(({ on }) => on))
    expect([...targetsOf('kill')].toSorted()).toEqual(
      [
        'auth',
        'gateway',
        'kafka',
        'mongodb',
        'notification',
        'notification-2',
        'order',
        'order-2',
        'product',
      ].toSorted(),
    )
    expect([...targetsOf('down', 'stall', 'latency', 'drop-responses')].toSorted()).toEqual(connectionNames.toSorted())
    expect(new Set(faults.filter(({ on }) => on === 'mail').map(({ what }) => what))).toEqual(new Set(mailFaults))
    expect(faults.find(({ what, lasts }) => what === 'freeze' && lasts > 15_000)?.on).toMatch(/^order/)
  })

  it('begins alike for runs of any duration', () => {
    const short = scheduleFaults(5, 20)
    expect(scheduleFaults(5, 200).slice(0, short.length)).toEqual(short)
  })
})

describe('scheduleSoakFaults', () => {
  it('kills no service, and reaches every connection within 30 minutes', () => {
    const faults = scheduleSoakFaults(7, 1800)
    const killed = faults.filter(({ what }) => what === 'kill').map(({ on }) => on)
    expect([...new Set(killed)].toSorted()).toEqual(['kafka', 'mongodb'])
    expect(faults.map(({ on }) => on)).toEqual(expect.arrayContaining(connectionNames))
    expect(faults.length / 30).toBeGreaterThan(1.5)
    expect(faults.length / 30).toBeLessThan(4)
  })
})
