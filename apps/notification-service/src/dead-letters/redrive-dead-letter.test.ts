import { createAdmin, createPrincipal } from '@halles/test-fixtures/principals'
import { describe, expect, it } from 'vitest'
import { dropValue, toDeadLetter, toDeadLetterMessage, type DeadLetter, type DeadLetterContent } from './dead-letter.ts'
import { redriveDeadLetter } from './redrive-dead-letter.ts'
import type { Headers, OutgoingMessage, TimestampedMessage } from '@halles/kafka/kafka'

const now = new Date('2026-11-24T08:30:00.000Z')

/** Converts a published message to a consumed one. */
function toIncoming(
  { key, value, headers = {} }: OutgoingMessage,
  position: Partial<TimestampedMessage> = {},
): TimestampedMessage {
  const bytes = value === null ? null : Buffer.from(value)
  const textHeaders = Object.entries(headers).map(([name, value]) => [name, String(value)])
  const consumedAt = { topic: 'order-events', partition: 3, offset: '17', timestamp: now, ...position }
  const raw = { key: key === null ? null : Buffer.from(key), headers }
  return {
    ...consumedAt,
    key: key?.toString() ?? null,
    value: bytes?.toString() ?? null,
    bytes,
    headers: Object.fromEntries(textHeaders),
    raw,
  }
}

/** Dead-letters a message, and returns the recorded dead letter. `change` stands for what the queue does to it. */
const createDeadLetter = (
  message: OutgoingMessage,
  change = (deadLetterMessage: OutgoingMessage) => deadLetterMessage,
): DeadLetter & DeadLetterContent =>
  toDeadLetter(
    toIncoming(change(toDeadLetterMessage(toIncoming(message), 'not JSON', 'a-group')), {
      topic: 'order-events.dlq',
      partition: 0,
      offset: '4',
    }),
    'order-events',
  )

/** Fakes the store and Kafka with one dead letter, and lists their calls in order. `sendError` makes `send` fail. */
function createFakes(deadLetter: DeadLetter & DeadLetterContent, sendError?: Error) {
  const calls: string[] = []
  const sent: { topic: string; message: OutgoingMessage }[] = []
  const deps = {
    now: () => now,
    deadLetters: {
      findByIds: async (ids: string[]) => (ids.includes(deadLetter.id) ? [deadLetter] : []),
      markRedriven: async (_id: string, at: Date) => (
        calls.push('markRedriven'),
        { ...deadLetter, redrives: 1, redrivenAt: at }
      ),
    },
    publisher: {
      send: async (topic: string, [message]: OutgoingMessage[]) => {
        if (sendError) throw sendError
        calls.push('send')
        sent.push({ topic, message: message! })
      },
    },
  }
  return { calls, sent, redrive: (actor = createAdmin(), id = deadLetter.id) => redriveDeadLetter(deps, actor, id) }
}

describe('redriveDeadLetter', () => {
  it('publishes the original message to its topic, and then marks the dead letter', async () => {
    const bytes = Buffer.from([0xff, 0x00])
    const headers: Headers = { 'content-type': 'application/json', several: ['a', bytes] }
    const { calls, sent, redrive } = createFakes(createDeadLetter({ key: bytes, value: bytes, headers }))
    expect(await redrive()).toMatchObject({ id: expect.stringMatching(/^0\.4\./), redrives: 1, redrivenAt: now })
    expect(calls).toEqual(['send', 'markRedriven'])
    const [{ topic, message }] = sent as [(typeof sent)[number]]
    expect(topic).toBe('order-events')
    expect(message).toEqual({
      key: bytes,
      value: bytes,
      headers: {
        'content-type': [Buffer.from('application/json')],
        several: [Buffer.from('a'), bytes],
        'redriven-from': expect.stringMatching(/^0\.4\./),
      },
    })
  })

  it('keeps a null key and value apart from empty ones', async () => {
    for (const absent of [null, '']) {
      const { sent, redrive } = createFakes(createDeadLetter({ key: absent, value: absent }))
      await redrive()
      const expected = absent === null ? null : Buffer.of()
      expect(sent[0]!.message).toMatchObject({ key: expected, value: expected })
    }
  })

  it.each([
    ['the queue accepted it only without its value', dropValue],
    [
      'its value is larger than what is stored',
      (message: OutgoingMessage) => ({ ...message, value: Buffer.alloc(4_000_001) }),
    ],
  ])('refuses a dead letter without its value, when %s', async (_why, change) => {
    const { calls, redrive } = createFakes(createDeadLetter({ key: 'k', value: 'x'.repeat(5000) }, change))
    await expect(redrive()).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' })
    expect(calls).toEqual([])
  })

  it.each([
    ['UNAVAILABLE', new Error('no broker')],
    ['PAYLOAD_TOO_LARGE', Object.assign(new Error('too large'), { type: 'MESSAGE_TOO_LARGE' })],
  ])('does not mark the dead letter when publishing fails: %s', async (code, error) => {
    const { calls, redrive } = createFakes(createDeadLetter({ key: 'k', value: 'v' }), error)
    await expect(redrive()).rejects.toMatchObject({ code })
    expect(calls).toEqual([])
  })

  it('refuses a customer and an unknown id', async () => {
    const { calls, redrive } = createFakes(createDeadLetter({ key: 'k', value: 'v' }))
    await expect(redrive(createPrincipal())).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await expect(redrive(createAdmin(), '0.5')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(calls).toEqual([])
  })
})

describe('toDeadLetter', () => {
  it.each([
    [{}, { topic: 'order-events', partition: null, offset: null, group: null }],
    [{ 'origin-partition': 'x', 'parked-at': 'yesterday' }, { partition: null }],
  ])('accepts a message that another producer published, with the headers %j', (headers, origin) => {
    const deadLetter = toDeadLetter(toIncoming({ key: null, value: '{}', headers }), 'order-events')
    const id = expect.stringMatching(/^3\.17\.[\w-]{16}$/)
    expect(deadLetter).toMatchObject({ id, reason: 'unknown', origin, deadLetteredAt: now, size: 2 })
  })
})
