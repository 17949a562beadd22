import { someAdmin, someone } from '@halles/testkit/people'
import { describe, expect, it } from 'vitest'
import { deadLetterIn, parked, withoutValue, type Content, type DeadLetter } from './dead-letter.ts'
import { redriveDeadLetter } from './redrive-dead-letter.ts'
import type { Headers, Incoming, Outgoing } from '@halles/service/kafka'

const now = new Date('2026-11-24T08:30:00.000Z')

/** A message as Kafka gives it. */
function incoming({ key, value, headers = {} }: Outgoing, place: Partial<Incoming> = {}): Incoming {
  const bytes = value === null ? null : Buffer.from(value)
  const text = Object.entries(headers).map(([name, one]) => [name, String(one)])
  const at = { topic: 'order-events', partition: 3, offset: '17', ...place }
  const raw = { key: key === null ? null : Buffer.from(key), headers }
  return {
    ...at,
    key: key?.toString() ?? null,
    value: bytes?.toString() ?? null,
    bytes,
    headers: Object.fromEntries(text),
    raw,
  }
}

/** What is recorded of a message that was parked. */
const dead = (message: Outgoing, change = (one: Outgoing) => one): DeadLetter & Content =>
  deadLetterIn(
    incoming(change(parked(incoming(message), 'not JSON', 'a-group')), {
      topic: 'order-events.dlq',
      partition: 0,
      offset: '4',
    }),
    'order-events',
    now,
  )

/** The things that are done, in order; Kafka and the database as small as they can be. */
function shop(of: DeadLetter & Content, refuse?: Error) {
  const did: string[] = []
  const sent: { topic: string; message: Outgoing }[] = []
  const helpers = {
    now: () => now,
    deadLetters: {
      withIds: async (ids: string[]) => (ids.includes(of.id) ? [of] : []),
      markRedriven: async (_id: string, at: Date) => (did.push('marked'), { ...of, redrives: 1, redrivenAt: at }),
    },
    publisher: {
      send: async (topic: string, [message]: Outgoing[]) => {
        if (refuse) throw refuse
        did.push('sent')
        sent.push({ topic, message: message! })
      },
    },
  }
  return { did, sent, redrive: (person = someAdmin(), id = of.id) => redriveDeadLetter(helpers, person, id) }
}

describe('a dead letter that is sent again', () => {
  it('goes to where it came from as it came, and is marked after that', async () => {
    const bytes = Buffer.from([0xff, 0x00])
    const headers: Headers = { 'content-type': 'application/json', several: ['a', bytes] }
    const { did, sent, redrive } = shop(dead({ key: bytes, value: bytes, headers }))
    expect(await redrive()).toMatchObject({ id: '0.4', redrives: 1, redrivenAt: now })
    expect(did).toEqual(['sent', 'marked'])
    const [{ topic, message }] = sent as [(typeof sent)[number]]
    expect(topic).toBe('order-events')
    expect(message).toEqual({
      key: bytes,
      value: bytes,
      headers: {
        'content-type': [Buffer.from('application/json')],
        several: [Buffer.from('a'), bytes],
        'redriven-from': '0.4',
      },
    })
  })

  it('had no value or key: then it has none again, which is not the same as empty ones', async () => {
    for (const none of [null, '']) {
      const { sent, redrive } = shop(dead({ key: none, value: none }))
      await redrive()
      const kept = none === null ? null : Buffer.of()
      expect(sent[0]!.message).toMatchObject({ key: kept, value: kept })
    }
  })

  it.each([
    ['the queue takes no such message', withoutValue],
    ['it is larger than what is kept', (message: Outgoing) => ({ ...message, value: Buffer.alloc(4_000_001) })],
  ])('is not sent without its value, when %s', async (_why, change) => {
    const { did, redrive } = shop(dead({ key: 'k', value: 'x'.repeat(5000) }, change))
    await expect(redrive()).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' })
    expect(did).toEqual([])
  })

  it.each([
    ['UNAVAILABLE', new Error('no broker')],
    ['PAYLOAD_TOO_LARGE', Object.assign(new Error('too large'), { type: 'MESSAGE_TOO_LARGE' })],
  ])('is not marked when it could not be sent: %s', async (code, error) => {
    const { did, redrive } = shop(dead({ key: 'k', value: 'v' }), error)
    await expect(redrive()).rejects.toMatchObject({ code })
    expect(did).toEqual([])
  })

  it('is sent for admins, and only if it is there', async () => {
    const { did, redrive } = shop(dead({ key: 'k', value: 'v' }))
    await expect(redrive(someone())).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await expect(redrive(someAdmin(), '0.5')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(did).toEqual([])
  })
})

describe('a message on the queue that someone else put there', () => {
  it.each([
    [{}, { topic: 'order-events', partition: null, offset: null, group: null }],
    [{ 'origin-partition': 'x', 'parked-at': 'yesterday' }, { partition: null }],
  ])('with the headers %j is recorded as far as it goes', (headers, origin) => {
    const one = deadLetterIn(incoming({ key: null, value: '{}', headers }), 'order-events', now)
    expect(one).toMatchObject({ id: '3.17', reason: 'not said', origin, parkedAt: now, size: 2 })
  })
})
